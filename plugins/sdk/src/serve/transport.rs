//! Answers for a transport and its connections.

use super::course::{Course, plain};
use super::{Answer, capable};
use crate::wire::convert;
use crate::wire::message::{
    Capabilities, ConnectionId, LoginResult, Nothing, Request, TargetResult,
};
use crate::{LoginCommand, PluginInfo, Transport};

pub(super) fn info(transport: &dyn Transport) -> (PluginInfo, Capabilities) {
    let methods = ["transport/check", "transport/target", "transport/doctor"];
    (transport.info(), capable(&methods))
}

pub(super) async fn answer(plugin: &dyn Transport, course: Course, request: Request) -> Answer {
    let connections = &course.server.connections;
    match request {
        Request::CheckTransport(it) => {
            let cx = course.cx_of_transport(*it.context);
            let checked = plugin.info().check(&cx).and_then(|()| plugin.check(&cx));
            plain(checked.map(|()| Nothing {}))
        }
        Request::Connect(it) => {
            let cx = course.cx_of_transport(*it.context);
            let state = course.state(it.state);
            let connected = course.until_cancelled(plugin.connect(&cx, &state)).await;
            plain(connected.map(|connection| ConnectionId {
                connection: connections.add(connection),
            }))
        }
        Request::Login(it) => {
            let cx = course.cx_of_transport(*it.context);
            let state = course.state(it.state);
            let login = course.until_cancelled(plugin.login(&cx, &state)).await;
            plain(login.map(|login| told(&login)))
        }
        Request::Target(it) => {
            let cx = course.cx_of_transport(*it.context);
            let target = plugin.target(&cx, &course.state(it.state));
            plain(target.map(|target| TargetResult {
                target: (&target).into(),
            }))
        }
        Request::TransportDoctor(it) => {
            let cx = course.cx_of_transport(*it.context);
            let faults = course.until_cancelled(plugin.doctor(&cx)).await;
            plain(faults.map(convert::faults))
        }
        Request::Close(it) => {
            connections.close(&it.connection);
            plain(Ok(Nothing {}))
        }
        request => connections.answer(&course, request).await,
    }
}

fn told(LoginCommand(command): &LoginCommand) -> LoginResult {
    let text = |it: &std::ffi::OsStr| it.to_string_lossy().into_owned();
    LoginResult {
        program: text(command.get_program()),
        arguments: command.get_args().map(text).collect(),
        environment: command
            .get_envs()
            .filter_map(|(name, value)| Some((text(name), text(value?))))
            .collect(),
        directory: command.get_current_dir().map(Into::into),
    }
}
