//! One converge with Chef or Cinc.

use std::path::Path;

use banquet_sdk::tool::{Guest, Watch};
use banquet_sdk::{
    Changes, Connection, Context, Converged, Error, ExitStatus, Fault, PluginInfo, Provisioner,
    Result, Retry, State, async_trait,
};

use crate::changes::{self, Seen};
use crate::cookbooks::Source;
use crate::flavour::{ALL, Flavour, Kind};
use crate::sandbox::{self, INSTALL, Plan};
use crate::settings::Settings;
use crate::{code, config_rb, nodes};

/// A provisioner for Chef or Cinc, under one of its names.
#[derive(Clone, Copy, Debug)]
pub struct Chef(Flavour);

impl Chef {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter().map(Self)
    }
}

#[async_trait]
impl Provisioner for Chef {
    fn info(&self) -> PluginInfo {
        self.0.info()
    }

    fn check(&self, cx: &Context) -> Result<()> {
        let settings = Settings::of(cx)?;
        Source::of(cx, &settings, &self.0).map(drop)
    }

    fn tells_changes(&self, _cx: &Context) -> Result<()> {
        match self.0.kind {
            Kind::Apply => Err(
                Error::config("/name", "chef-apply does not tell what it changed")
                    .hint("Put the recipe into a cookbook and use the provisioner chef_infra."),
            ),
            _ => Ok(()),
        }
    }

    fn retry(&self, cx: &Context) -> Result<Retry> {
        self.0.retry(cx)
    }

    async fn introduce(&self, cx: &Context, state: &mut State) -> Result<()> {
        nodes::introduce(cx, &self.0, state)
    }

    async fn converge(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Converged> {
        let base = self.0.base(cx)?;
        let mut guest = Guest::new(cx, connection, &base);
        let plan = Plan {
            settings: Settings::of(cx)?,
            flavour: self.0,
            root: &base.root_path,
            nodes: &nodes::of_peers(cx)?,
            cx,
        };
        let settings = &plan.settings;
        for (name, value) in [
            ("IS_KITCHEN", Some("true".to_owned())),
            ("CHEF_LICENSE", text(&settings.chef_license)),
            ("CHEF_LICENSE_KEY", text(&settings.chef_license_key)),
            ("CHEF_LICENSE_SERVER", servers(settings)),
        ] {
            guest
                .environment
                .extend(value.map(|value| (name.to_owned(), value)));
        }
        guest.uploads().await?;
        let run = Run { guest, plan };
        run.prepare().await?;
        let ended = run.converge().await;
        if ended.is_ok() {
            run.report(connection, state).await;
        }
        run.guest.downloads().await;
        Ok(Converged { changes: ended? })
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let settings = Settings::of(cx)?;
        let source = Source::of(cx, &settings, &self.0)?;
        let tool = source.tool(self.0.is_cinc(&settings));
        let missing = tool.and_then(|(tool, what)| tool.find(&what).err());
        let fault = |error: Error| Fault {
            advice: error.hints.join(" "),
            message: error.message,
        };
        Ok(missing.map(fault).into_iter().collect())
    }
}

fn text(value: &Option<banquet_sdk::lenient::Text>) -> Option<String> {
    value.as_ref().map(|value| value.0.clone())
}

fn servers(settings: &Settings) -> Option<String> {
    let servers = settings.chef_license_server.0.iter();
    let servers: Vec<&str> = servers.map(|server| server.0.as_str()).collect();
    (!servers.is_empty()).then(|| servers.join(","))
}

/// One converge on its way.
struct Run<'a> {
    guest: Guest<'a>,
    plan: Plan<'a>,
}

impl Run<'_> {
    /// Puts on the instance what the client reads, and the client itself.
    async fn prepare(&self) -> Result<()> {
        let (cx, root) = (self.plan.cx, self.plan.root);
        let stage = self.plan.build().await?;
        let entries = sandbox::entries(&stage)?;
        let paths: Vec<&Path> = entries.iter().map(|path| path.as_path()).collect();
        self.guest.connection.upload(&paths, root).await?;
        let prune = code::prune(root, &nodes::of_the_dead(cx)?);
        self.guest.must(&format!("prepare {root}"), &prune).await?;
        if stage.path().join(INSTALL).exists() {
            let product = self.plan.flavour.product(&self.plan.settings);
            let what = format!("install {product}");
            self.guest.must(&what, &code::install(root)).await?;
        }
        Ok(())
    }

    /// Converges as often as it is wanted; what all of that changed.
    async fn converge(&self) -> Result<Changes> {
        let Plan {
            settings,
            flavour,
            root,
            ..
        } = &self.plan;
        let (program, key) = flavour.program(settings);
        let commands = flavour.commands(settings, root);
        let node = self.node_file();
        let code = code::converge(&program, &commands, node.as_deref());
        let (mut all, mut last) = (Changes::None, Changes::None);
        for _ in 0..settings.converges()? {
            let watch: Watch<'_, Seen> = Watch::new(&*self.plan.cx.output, Seen::read);
            let status = self.guest.run(&code, &watch).await?;
            if !status.success() {
                return Err(failed(&program, key, status));
            }
            last = watch.seen().changes();
            all = changes::sum(all, last.clone());
        }
        if settings.enforce_idempotency {
            idempotent(&last)?;
        }
        Ok(all)
    }

    /// The file of the instance in which the client leaves its node.
    fn node_file(&self) -> Option<String> {
        let (_, own) = self.plan.flavour.config_file(&self.plan.settings)?;
        let node = config_rb::node_name(own, &self.plan.cx.identity.instance);
        Some(format!("{}/nodes/{node}.json", self.plan.root))
    }

    /// Keeps the node for the other members. Where there is none they go on with what they had.
    async fn report(&self, connection: &dyn Connection, state: &mut State) {
        let cx = self.plan.cx;
        let Some(remote) = self.node_file() else {
            return;
        };
        if let Err(error) = nodes::report(cx, connection, state, &remote).await {
            let text = format!("the other members do not hear of this converge: {error}");
            cx.note(text).await;
        }
    }
}

fn failed(program: &str, key: &str, status: ExitStatus) -> Error {
    let mut error = Error::action(format!("{program}: exit code {}", status.0));
    error.exit_code = Some(status.0);
    match status.0 {
        127 => error.hint(format!(
            "Exit code 127: a program was not found. `product_name` and `install_strategy` say what \
             is installed, `{key}` where it is."
        )),
        _ => error,
    }
}

/// An error unless the last converge changed nothing (chef-client-fail-if-update-handler.rb).
fn idempotent(last: &Changes) -> Result<()> {
    match last {
        Changes::None => Ok(()),
        Changes::Some(changes) => Err(Error::action(format!(
            "the last converge was to change nothing (`enforce_idempotency`), and it changed: {}",
            changes.join("; ")
        ))),
        Changes::Unknown => Err(Error::action(
            "whether the last converge changed nothing (`enforce_idempotency`) cannot be told",
        )
        .hint(
            "The client must print its count of updated resources: use the formatter doc or min.",
        )),
    }
}
