//! The driver: makes, switches and removes the container of an instance.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{
    Capabilities, Context, Driver, Error, Fault, LinkFault, LocalPath, Orphan, Peers, PluginInfo,
    Power, Residue, Result, State, Status, async_trait,
};
use bollard::models::ContainerConfig;
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptions, RemoveContainerOptionsBuilder,
};

use crate::engine::{Engine, Engines};
use crate::errors::{Cause, cause};
use crate::find::{self, Found, ID, NAME};
use crate::image::Images;
use crate::settings::{Settings, Unneeded};
use crate::transport::gone;
use crate::{built, container, dokken, labels, namespace, network, orphans};

/// State keys.
const NETWORK: &str = "docker_network";
const IMAGE: &str = "docker_image";

/// Longest wait for a container that another call is removing.
const REMOVAL: Duration = Duration::from_secs(60);

/// Makes containers with Docker or Podman. What it keeps are connections and the knowledge of what
/// this process has pulled or built; all else is in the instance's state and the engine's labels.
#[derive(Clone, Debug, Default)]
pub struct Docker {
    shared: Arc<Shared>,
    /// Under the name `dokken`, with its options.
    dokken: bool,
}

#[derive(Debug, Default)]
struct Shared {
    engines: Engines,
    images: Images,
    /// Held while a cluster's network is looked for and made.
    networks: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Driver for Docker {
    fn info(&self) -> PluginInfo {
        let info = match self.dokken {
            false => PluginInfo::of::<Settings>(
                "docker",
                "containers of Docker or Podman, through the engine's API",
            )
            .with::<Unneeded>(),
            true => PluginInfo::of::<Settings>("dokken", "the same with Chef from an image")
                .with::<dokken::Keys>(),
        };
        info.weaker(&crate::weaker::WEAKER).paths([
            LocalPath::file("/dockerfile"),
            LocalPath::directory("/build_context"),
        ])
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            power: Power::ALL.into(),
            names_resolve: true,
            transport: Some(if self.dokken { "dokken" } else { "docker" }.into()),
            ..Capabilities::default()
        }
    }

    fn check(&self, cx: &Context) -> Result<()> {
        self.settings(cx).map(drop)
    }

    async fn gossip(&self, cx: &Context, _peers: &Peers, state: &mut State) -> Result<()> {
        let settings = self.settings(cx)?;
        if let (Some(cluster), None, None) =
            (&cx.identity.cluster, &settings.network, state.str(NETWORK))
        {
            state.set(NETWORK, labels::network_name(cluster, &cx.identity));
            state.checkpoint()?;
        }
        Ok(())
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        let settings = self.settings(cx)?;
        cx.bounded("creating the container", self.make(cx, &settings, state))
            .await
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let settings = self.settings(cx)?;
        let engine = self.engine(cx, &settings, state).await?;
        let gone = async {
            let found = find::to_remove(&engine, cx, state).await?;
            remove_all(&engine, cx, found).await?;
            match settings.remove_images {
                true => built::remove_of(&engine, cx, &settings, state.str(IMAGE)).await,
                false => Ok(()),
            }
        };
        cx.bounded("removing the container", gone).await?;
        for key in [
            ID,
            NAME,
            NETWORK,
            IMAGE,
            dokken::CHEF,
            "hostname",
            "host_name",
            "address",
        ] {
            state.remove(key);
        }
        Engine::forget(state);
        state.checkpoint()
    }

    async fn dissolve(&self, cx: &Context) -> Result<()> {
        let Some(cluster) = &cx.identity.cluster else {
            return Ok(());
        };
        let settings = self.settings(cx)?;
        let engine = self.engine(cx, &settings, &State::in_memory()).await?;
        network::remove(&engine, cx, cluster).await
    }

    async fn status(&self, cx: &Context, state: &State) -> Result<Status> {
        let settings = self.settings(cx)?;
        let engine = self.engine(cx, &settings, state).await?;
        let found = find::noted(&engine, cx, state).await?;
        Ok(found.as_ref().map_or(Status::Absent, container::status))
    }

    async fn power(&self, cx: &Context, state: &mut State, power: Power) -> Result<()> {
        let settings = self.settings(cx)?;
        let engine = self.engine(cx, &settings, state).await?;
        let id = state.str(ID).ok_or_else(not_created)?.to_owned();
        let word = format!("{power:?}").to_lowercase();
        let switching = switch(&engine, &id, power);
        cx.bounded(&format!("the {word} of the container"), switching)
            .await?;
        if matches!(power, Power::Start | Power::Reboot) {
            // The engine gives addresses anew at every start.
            note_addresses(&engine, &id, state).await?;
        }
        Ok(())
    }

    fn lacks(&self, cx: &Context, fault: LinkFault) -> Option<Error> {
        let settings = self.settings(cx).ok()?;
        namespace::lacks(&settings, fault)
    }

    async fn network(&self, cx: &Context, state: &State) -> Result<Option<Vec<String>>> {
        let settings = self.settings(cx)?;
        let engine = self.engine(cx, &settings, state).await?;
        let Some(id) = state.str(ID) else {
            return Ok(None);
        };
        let found = find::inspect(&engine, id).await?;
        Ok(found.and_then(|found| namespace::prefix(&engine.endpoint, id, &found)))
    }

    async fn package(&self, cx: &Context, state: &mut State) -> Result<PathBuf> {
        let settings = self.settings(cx)?;
        let engine = self.engine(cx, &settings, state).await?;
        let id = state.str(ID).ok_or_else(not_created)?;
        let repository = format!(
            "banquet/{}",
            labels::host_name(&cx.identity.instance).to_lowercase()
        );
        let tag = labels::host_name(&cx.identity.run);
        let options = CommitContainerOptionsBuilder::default()
            .container(id)
            .repo(&repository)
            .tag(&tag)
            .changes(&labels::emptied())
            .build();
        engine
            .docker
            .commit_container(options, ContainerConfig::default())
            .await
            .map_err(engine.doing("save the container as an image"))?;
        Ok(PathBuf::from(format!("{repository}:{tag}")))
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let settings = match self.settings(cx) {
            Ok(settings) => settings,
            Err(error) => return Ok(vec![fault(error)]),
        };
        let engine = match self.engine(cx, &settings, &State::in_memory()).await {
            Ok(engine) => engine,
            Err(error) => return Ok(vec![fault(error)]),
        };
        // A cached client does not tell whether the engine still answers.
        match engine.asked.version().await {
            Ok(_) => Ok(Vec::new()),
            Err(error) => Ok(vec![fault(
                engine.error("ask for the engine's version", error),
            )]),
        }
    }

    async fn orphans(&self, cx: &Context) -> Result<Vec<Orphan>> {
        let settings = self.settings(cx)?;
        let engine = self.engine(cx, &settings, &State::in_memory()).await?;
        orphans::list(&engine, cx, &settings, &self.shared.images).await
    }

    async fn reclaim(&self, cx: &Context, orphan: &Orphan) -> Result<bool> {
        let settings = self.settings(cx)?;
        let engine = self.engine(cx, &settings, &State::in_memory()).await?;
        orphans::reclaim(&engine, cx, orphan).await?;
        Ok(true)
    }
}

fn fault(error: Error) -> Fault {
    Fault {
        advice: error.hints.join(" "),
        message: error.message,
    }
}

fn not_created() -> Error {
    Error::machine("find the container: it was never created").hint("Run kitchen create first.")
}

impl Docker {
    /// The driver `dokken`.
    pub fn dokken() -> Self {
        Self {
            dokken: true,
            ..Self::default()
        }
    }

    fn settings(&self, cx: &Context) -> Result<Settings> {
        match self.dokken {
            true => dokken::settings(cx),
            false => Settings::of(cx),
        }
    }

    async fn engine(&self, cx: &Context, settings: &Settings, state: &State) -> Result<Engine> {
        let socket = settings.socket.as_deref();
        self.shared
            .engines
            .get(cx, state, socket, settings.patience())
            .await
    }

    async fn make(&self, cx: &Context, settings: &Settings, state: &mut State) -> Result<()> {
        let engine = self.engine(cx, settings, state).await?;
        engine.note(state);
        let known = match find::noted(&engine, cx, state).await? {
            Some(found) if container::status(&found) != Status::Absent => found.id,
            _ => None,
        };
        let id = match known {
            Some(id) => id,
            None => self.make_container(&engine, cx, settings, state).await?,
        };
        state.set(ID, id.clone());
        state.checkpoint()?;
        let residue = || Residue::Resources(vec![format!("container {id}")]);
        engine
            .docker
            .start_container(&id, None)
            .await
            .map_err(engine.doing("start the container"))
            .map_err(|error| error.residue(residue()))?;
        note_addresses(&engine, &id, state).await
    }

    /// Makes the container, or adopts the one that an interrupted call of this run made.
    async fn make_container(
        &self,
        engine: &Engine,
        cx: &Context,
        settings: &Settings,
        state: &mut State,
    ) -> Result<String> {
        let network = self.network(engine, cx, settings, state).await?;
        let mut settings = settings.clone();
        if self.dokken {
            let images = &self.shared.images;
            dokken::bring_chef(engine, images, cx, &mut settings, state).await?;
        }
        let settings = &settings;
        let image = self.shared.images.ensure(engine, cx, settings).await?;
        let name = settings.instance_name.clone();
        let name = name.unwrap_or_else(|| labels::container_name(&cx.identity));
        state.set(NAME, name.clone());
        if settings.is_built() {
            state.set(IMAGE, image.clone());
        }
        state.checkpoint()?;
        cx.note(format!("creating the container {name} from {image}"))
            .await;
        let wanted = Wanted {
            name: &name,
            image: &image,
            network: network.as_deref(),
        };
        let mut made = wanted.ask(engine, cx, settings).await;
        if made
            .as_ref()
            .is_err_and(|error| cause(error) == Cause::NoImage)
            && !settings.is_built()
        {
            self.shared
                .images
                .pull(engine, cx, settings, &image)
                .await
                .inspect_err(|_| {
                    // Nothing can have been made, so destroy need not look for it.
                    state.remove(NAME);
                })?;
            made = wanted.ask(engine, cx, settings).await;
        }
        match made {
            Ok(id) => Ok(id),
            Err(error) if cause(&error) == Cause::Conflict => {
                find::adopt(engine, cx, &name).await?.ok_or_else(|| {
                    state.remove(NAME);
                    engine.error("create the container", error)
                })
            }
            Err(error) => {
                if matches!(
                    error,
                    bollard::errors::Error::DockerResponseServerError { .. }
                ) {
                    state.remove(NAME);
                }
                Err(engine.error("create the container", error))
            }
        }
    }

    /// The network to join: the section's, the cluster's, or none but the engine's own.
    async fn network(
        &self,
        engine: &Engine,
        cx: &Context,
        settings: &Settings,
        state: &mut State,
    ) -> Result<Option<String>> {
        if settings.network.is_some() {
            return Ok(settings.network.clone());
        }
        let Some(cluster) = &cx.identity.cluster else {
            return Ok(None);
        };
        let wanted = state.str(NETWORK).map(String::from);
        let wanted = wanted.unwrap_or_else(|| labels::network_name(cluster, &cx.identity));
        state.set(NETWORK, wanted.clone());
        state.checkpoint()?;
        let name = {
            let _turn = self.shared.networks.lock().await;
            network::ensure(engine, cx, cluster, &wanted).await?
        };
        state.set(NETWORK, name.clone());
        Ok(Some(name))
    }
}

/// A container to ask for.
struct Wanted<'a> {
    name: &'a str,
    image: &'a str,
    network: Option<&'a str>,
}

impl Wanted<'_> {
    async fn ask(
        &self,
        engine: &Engine,
        cx: &Context,
        settings: &Settings,
    ) -> Result<String, bollard::errors::Error> {
        let options = CreateContainerOptions {
            name: Some(self.name.to_owned()),
            platform: settings.platform().unwrap_or_default().to_owned(),
        };
        let body = container::body(settings, &cx.identity, self.image, self.network);
        let made = engine.docker.create_container(Some(options), body).await?;
        Ok(made.id)
    }
}

/// Removes these containers and every other one of the instance, until the engine lists none. What
/// was found is the first list: the engine is asked again only once something was to be removed.
async fn remove_all(engine: &Engine, cx: &Context, found: Found) -> Result<()> {
    let (first, noted) = match found {
        Found::Labelled(ids) => (ids, Vec::new()),
        Found::Noted(ids) => (ids.clone(), ids),
    };
    let (mut first, noted) = (Some(first), &noted);
    let list = || {
        let first = first.take();
        async move {
            match first {
                Some(ids) => Ok(ids),
                None => find::remaining(engine, cx, noted).await,
            }
        }
    };
    remove_listed(engine, cx, list).await
}

/// Removes one container, until the engine does not list it any more.
pub(crate) async fn remove_one(engine: &Engine, cx: &Context, id: &str) -> Result<()> {
    remove_listed(engine, cx, || find::listed(engine, id)).await
}

async fn remove_listed<L>(engine: &Engine, cx: &Context, list: impl FnMut() -> L) -> Result<()>
where
    L: Future<Output = Result<Vec<String>>>,
{
    cx.remove_listed(
        "containers",
        REMOVAL,
        list,
        |id| async move { remove(engine, &id).await },
        |id| async move {
            let short = &id[..id.len().min(12)];
            cx.note(format!("removing the container {short}")).await;
        },
    )
    .await
}

/// Asks for the removal of a container with its own volumes. One that the engine does not know,
/// or removes already, is no error: its list tells when it is gone.
async fn remove(engine: &Engine, id: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::default()
        .force(true)
        .v(true)
        .build();
    match engine.docker.remove_container(id, Some(options)).await {
        Err(error) if !matches!(cause(&error), Cause::Absent | Cause::Conflict) => {
            Err(engine.error("remove the container", error))
        }
        _ => Ok(()),
    }
}

async fn switch(engine: &Engine, id: &str, power: Power) -> Result<()> {
    let docker = &engine.docker;
    let (result, wanted) = match power {
        Power::Stop => (docker.stop_container(id, None).await, Status::Stopped),
        Power::Start => (docker.start_container(id, None).await, Status::Running),
        Power::Kill => (docker.kill_container(id, None).await, Status::Stopped),
        Power::Reboot => (docker.restart_container(id, None).await, Status::Running),
        Power::Pause => (docker.pause_container(id).await, Status::Paused),
        Power::Resume => (docker.unpause_container(id).await, Status::Running),
    };
    let Err(error) = result else { return Ok(()) };
    let word = format!("{power:?}").to_lowercase();
    // What is so already is what was wanted.
    if cause(&error) == Cause::Conflict || error.to_string().contains("not paused") {
        let found = find::inspect(engine, id).await?;
        if found.as_ref().map(container::status) == Some(wanted) {
            return Ok(());
        }
    }
    Err(engine.error(&format!("{word} the container"), error))
}

async fn note_addresses(engine: &Engine, id: &str, state: &mut State) -> Result<()> {
    let found = find::inspect(engine, id).await?.ok_or_else(gone)?;
    let address = container::address(&found, state.str(NETWORK));
    state.set(
        "hostname",
        container::reachable_at(&engine.endpoint, address.as_deref()),
    );
    let own_name = found.config.and_then(|config| config.hostname);
    match own_name.filter(|name| !name.is_empty()) {
        Some(name) => state.set("host_name", name),
        None => drop(state.remove("host_name")),
    }
    match address {
        Some(address) => state.set("address", address),
        None => drop(state.remove("address")),
    }
    state.checkpoint()
}
