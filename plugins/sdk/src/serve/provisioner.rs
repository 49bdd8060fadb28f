//! Answers for a provisioner.

use super::course::{Course, changed, done, plain};
use super::{Answer, capable, other};
use crate::wire::convert;
use crate::wire::message::{Capabilities, ConvergeResult, Nothing, Request};
use crate::{PluginInfo, Provisioner};

pub(super) fn info(provisioner: &dyn Provisioner) -> (PluginInfo, Capabilities) {
    let methods = [
        "provisioner/tells_changes",
        "provisioner/check",
        "provisioner/introduce",
        "provisioner/doctor",
    ];
    (provisioner.info(), capable(&methods))
}

pub(super) async fn answer(plugin: &dyn Provisioner, course: Course, request: Request) -> Answer {
    match request {
        Request::TellsChanges(it) => {
            let tells = plugin.tells_changes(&course.cx(*it.context));
            plain(tells.map(|()| Nothing {}))
        }
        Request::CheckSettings(it) => {
            let cx = course.cx(*it.context);
            let checked = plugin.info().check(&cx).and_then(|()| plugin.check(&cx));
            plain(checked.map(|()| Nothing {}))
        }
        Request::Introduce(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let work = plugin.introduce(&cx, &mut state);
            done(course.until_cancelled(work).await, &state)
        }
        Request::Converge(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let connection = course.connection(it.connection);
            let work = plugin.converge(&cx, &connection, &mut state);
            let converged = course.until_cancelled(work).await;
            changed(converged.map(ConvergeResult::from), &state)
        }
        Request::ProvisionerDoctor(it) => {
            let cx = course.cx(*it.context);
            let faults = course.until_cancelled(plugin.doctor(&cx)).await;
            plain(faults.map(convert::faults))
        }
        request => other(&request),
    }
}
