//! Answers for a verifier.

use super::course::{Course, changed, done, plain};
use super::{Answer, capable, other};
use crate::wire::convert;
use crate::wire::message::{Capabilities, Nothing, Request, VerifyResult};
use crate::{PluginInfo, Verifier};

pub(super) fn info(verifier: &dyn Verifier) -> (PluginInfo, Capabilities) {
    let methods = [
        "verifier/tests",
        "verifier/check",
        "verifier/setup",
        "verifier/examine",
        "verifier/doctor",
    ];
    (verifier.info(), capable(&methods))
}

pub(super) async fn answer(plugin: &dyn Verifier, course: Course, request: Request) -> Answer {
    match request {
        Request::Tests(it) => plain(plugin.tests(&course.cx(*it.context))),
        Request::Check(it) => {
            let cx = course.cx(*it.context);
            let checked = plugin.info().check(&cx).and_then(|()| plugin.check(&cx));
            plain(checked.map(|()| Nothing {}))
        }
        Request::Setup(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let connection = course.connection(it.connection);
            let work = plugin.setup(&cx, &connection, &mut state);
            done(course.until_cancelled(work).await, &state)
        }
        Request::Verify(it) => {
            let (cx, mut state) = (course.cx(*it.context), course.state(it.state));
            let connection = course.connection(it.connection);
            let work = plugin.verify(&cx, &connection, &mut state);
            let cases = course.until_cancelled(work).await;
            let result = cases.map(|cases| VerifyResult {
                cases: Some(cases.into_iter().map(Into::into).collect()),
                state: None,
            });
            changed(result, &state)
        }
        Request::Examine(it) => {
            let cx = course.cx(*it.context);
            let connection = course.connection(it.connection);
            let work = plugin.examine(&cx, &connection);
            plain(course.until_cancelled(work).await.map(convert::faults))
        }
        Request::VerifierDoctor(it) => {
            let cx = course.cx(*it.context);
            let faults = course.until_cancelled(plugin.doctor(&cx)).await;
            plain(faults.map(convert::faults))
        }
        request => other(&request),
    }
}
