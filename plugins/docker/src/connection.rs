//! A connection to one container.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{
    Connection, Dialed, Error, Exec, ExitStatus, Line, Output, Result, Stream, async_trait,
};
use bollard::models::ContainerInspectResponse;
use tokio::net::TcpStream;

use crate::container;
use crate::engine::Engine;
use crate::exec::{self, Place};
use crate::files;
use crate::find;
use crate::transport::gone;

/// Longest time a container may take to accept a connection.
const DIAL: Duration = Duration::from_secs(10);

/// A way to a container through its engine.
pub struct ToContainer {
    /// The engine.
    pub engine: Engine,
    /// Id or name of the container.
    pub container: String,
    /// Who runs commands, and where.
    pub place: Place,
    /// Hears of links that a download leaves out.
    pub output: Arc<dyn Output>,
}

#[async_trait]
impl Connection for ToContainer {
    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus> {
        exec::run(
            &self.engine,
            &self.container,
            self.place.clone(),
            exec,
            output,
        )
        .await
    }

    async fn upload(&self, locals: &[&Path], remote: &str) -> Result<()> {
        files::upload(
            &self.engine,
            &self.container,
            self.place.clone(),
            locals,
            remote,
        )
        .await
    }

    async fn download(&self, remotes: &[&str], local: &Path) -> Result<()> {
        for remote in remotes {
            let left_out = files::download(
                &self.engine,
                &self.container,
                self.place.clone(),
                remote,
                local,
            )
            .await?;
            if let Some(text) = left_out.note() {
                let stream = Stream::Note;
                self.output.line(Line { stream, text }).await;
            }
        }
        Ok(())
    }

    async fn dial(&self, port: u16) -> Result<Box<dyn Dialed>> {
        let doing = format!("connect to port {port} of the container");
        // Addresses change when a container is started anew.
        let found = find::inspect(&self.engine, &self.container).await?;
        let found = found.ok_or_else(gone)?;
        let (host, port) = self.way_to(&found, port)?;
        let stream = tokio::time::timeout(DIAL, TcpStream::connect((host.as_str(), port)))
            .await
            .map_err(|_| Error::timeout(&doing, DIAL))?
            .map_err(|error| Error::from(error).while_doing(format!("{doing} at {host}:{port}")))?;
        Ok(Box::new(stream))
    }
}

impl ToContainer {
    /// Where the workstation reaches `port` of the container: at its own address, else where the
    /// engine publishes it.
    fn way_to(&self, found: &ContainerInspectResponse, port: u16) -> Result<(String, u16)> {
        let endpoint = &self.engine.endpoint;
        let shared = found
            .host_config
            .as_ref()
            .and_then(|config| config.network_mode.as_deref())
            == Some("host");
        let address = container::address(found, None);
        match address {
            Some(address) if endpoint.is_local() => return Ok((address, port)),
            _ if shared => return Ok((container::reachable_at(endpoint, None), port)),
            _ => {}
        }
        let published = container::published(found, port);
        let Some(published) = published else {
            return Err(Error::unsupported(format!(
                "connect to port {port} of the container: its network is out of reach and the port is not published"
            ))
            .hint(format!("Publish it: ports: [{port}].")));
        };
        Ok((container::reachable_at(endpoint, None), published))
    }
}
