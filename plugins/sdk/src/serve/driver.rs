//! Answers for a driver.

use super::course::{Course, changed, done, plain};
use super::{Answer, capable, other};
use crate::outside::NotAName;
use crate::wire::convert;
use crate::wire::message::{
    Capabilities, LacksResult, Nothing, OrphansResult, PackageResult, PrefixResult, ReclaimResult,
    Request, StatusResult,
};
use crate::{Driver, Error, PluginInfo};

pub(super) fn info(driver: &dyn Driver) -> (PluginInfo, Capabilities) {
    let can = driver.capabilities();
    let capabilities = Capabilities {
        power: can.power,
        names_resolve: can.names_resolve,
        workstation: can.workstation,
        transport: can.transport.map(|it| it.into_owned()),
        ..capable(&[
            "driver/check",
            "driver/gossip",
            "driver/late_gossip",
            "driver/dissolve",
            "driver/power",
            "driver/links",
            "driver/lacks",
            "driver/network",
            "driver/local_prefix",
            "driver/package",
            "driver/doctor",
            "driver/orphans",
            "driver/reclaim",
        ])
    };
    (driver.info(), capabilities)
}

pub(super) async fn answer(driver: &dyn Driver, course: Course, request: Request) -> Answer {
    match request {
        Request::Gossip(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let peers = convert::members(it.peers);
            let work = driver.gossip(&cx, &peers, &mut state);
            done(course.until_cancelled(work).await, &state)
        }
        Request::Create(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let work = driver.create(&cx, &mut state);
            done(course.until_cancelled(work).await, &state)
        }
        Request::LateGossip(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let peers = convert::members(it.peers);
            let work = driver.late_gossip(&cx, &peers, &mut state);
            done(course.until_cancelled(work).await, &state)
        }
        Request::Destroy(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let work = driver.destroy(&cx, &mut state);
            done(course.until_cancelled(work).await, &state)
        }
        Request::Power(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let work = driver.power(&cx, &mut state, it.power);
            done(course.until_cancelled(work).await, &state)
        }
        Request::Links(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let links = it.links.into();
            let work = driver.links(&cx, &mut state, &links);
            done(course.until_cancelled(work).await, &state)
        }
        Request::Package(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let work = driver.package(&cx, &mut state);
            let path = course.until_cancelled(work).await;
            changed(path.map(|path| PackageResult { path, state: None }), &state)
        }
        request => question(driver, course, request).await,
    }
}

/// What changes no state.
async fn question(driver: &dyn Driver, course: Course, request: Request) -> Answer {
    match request {
        Request::CheckDriver(it) => {
            let cx = course.cx(*it.context);
            let checked = driver.info().check(&cx).and_then(|()| driver.check(&cx));
            plain(checked.map(|()| Nothing {}))
        }
        Request::Dissolve(it) => {
            let cx = course.cx(*it.context);
            let gone = course.until_cancelled(driver.dissolve(&cx)).await;
            plain(gone.map(|()| Nothing {}))
        }
        Request::Status(it) => {
            let (cx, state) = (course.cx(*it.context), course.state(it.state));
            let status = course.until_cancelled(driver.status(&cx, &state)).await;
            plain(status.map(|status| StatusResult {
                status: status.into(),
            }))
        }
        Request::Lacks(it) => {
            let lacks = driver.lacks(&course.cx(*it.context), it.fault.into());
            plain(Ok(LacksResult {
                lacks: lacks.map(Into::into),
            }))
        }
        Request::Network(it) => {
            let (cx, state) = (course.cx(*it.context), course.state(it.state));
            let prefix = course.until_cancelled(driver.network(&cx, &state)).await;
            plain(prefix.map(|prefix| PrefixResult { prefix }))
        }
        Request::LocalPrefix(it) => {
            let (cx, state) = (course.cx(*it.context), course.state(it.state));
            let work = driver.local_prefix(&cx, &state);
            let prefix = course.until_cancelled(work).await.map(Some);
            plain(prefix.map(|prefix| PrefixResult { prefix }))
        }
        Request::DriverDoctor(it) => {
            let cx = course.cx(*it.context);
            let faults = course.until_cancelled(driver.doctor(&cx)).await;
            plain(faults.map(convert::faults))
        }
        Request::Orphans(it) => {
            let cx = course.cx(*it.context);
            let orphans = course.until_cancelled(driver.orphans(&cx)).await;
            plain(orphans.map(|orphans| OrphansResult {
                orphans: orphans.iter().map(Into::into).collect(),
            }))
        }
        Request::Reclaim(it) => {
            let cx = course.cx(*it.context);
            let reclaiming = async {
                let orphan = it.orphan.try_into();
                let orphan = orphan.map_err(|wrong: NotAName| Error::machine(wrong.to_string()))?;
                driver.reclaim(&cx, &orphan).await
            };
            let reclaimed = course.until_cancelled(reclaiming).await;
            plain(reclaimed.map(|reclaimed| ReclaimResult { reclaimed }))
        }
        request => other(&request),
    }
}
