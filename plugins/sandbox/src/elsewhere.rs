//! What a workstation without Linux says.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use banquet_sdk::{
    Capabilities, Connection, Context, Driver, Error, LoginCommand, PluginInfo, Result, State,
    Status, Transport, async_trait,
};

use crate::{Config, TransportConfig};

/// There are no helpers without Linux.
pub fn helper_main(_arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    None
}

fn unsupported<T>() -> Result<T> {
    Err(Error::unsupported("the sandbox needs Linux").hint("Use `driver: docker`."))
}

/// Makes instances from Linux namespaces; here it refuses.
#[derive(Clone, Debug)]
pub struct SandboxDriver;

impl SandboxDriver {
    /// The same as on Linux.
    pub fn new(_helper: PathBuf) -> Self {
        Self
    }
}

#[async_trait]
impl Driver for SandboxDriver {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("sandbox", crate::SUMMARY)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            transport: Some("sandbox".into()),
            ..Capabilities::default()
        }
    }

    async fn create(&self, _cx: &Context, _state: &mut State) -> Result<()> {
        unsupported()
    }

    async fn destroy(&self, _cx: &Context, _state: &mut State) -> Result<()> {
        // Nothing of it can exist here.
        Ok(())
    }

    async fn status(&self, _cx: &Context, _state: &State) -> Result<Status> {
        Ok(Status::Absent)
    }
}

/// Reaches instances of [`SandboxDriver`]; here it refuses.
#[derive(Clone, Debug)]
pub struct SandboxTransport;

impl SandboxTransport {
    /// The same as on Linux.
    pub fn new(_helper: PathBuf) -> Self {
        Self
    }
}

#[async_trait]
impl Transport for SandboxTransport {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<TransportConfig>("sandbox", crate::SUMMARY)
    }

    async fn connect(&self, _cx: &Context, _state: &State) -> Result<Box<dyn Connection>> {
        unsupported()
    }

    async fn login(&self, _cx: &Context, _state: &State) -> Result<LoginCommand> {
        unsupported()
    }
}
