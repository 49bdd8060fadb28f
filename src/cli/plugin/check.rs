//! `kitchen plugin check`: the conformance suite against a plugin.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use banquet_sdk::conformance::{
    self, ProvisionerSubject, Subject, Verdict, VerifierSubject, settings, unique,
};
use banquet_sdk::wire::message::{Examples, Partner};
use banquet_sdk::{Connection, Context, Identity, State};
use clap::{Args, ValueEnum, ValueHint};
use serde_json::Value;

use super::super::mask;
use super::KINDS;
use crate::cli::exit::Exit;
use crate::cli::fault::{self, Fault};
use crate::matrix::Kind;
use crate::registry::Registry;

/// `plugin check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// The plugin's name in the configuration
    pub name: String,
    /// Which, where several kinds have the name
    #[arg(long, value_enum)]
    pub kind: Option<Which>,
    /// Settings to check with, as YAML, in place of those that the plugin brings
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub examples: Option<PathBuf>,
}

/// The four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "names of kinds")]
pub enum Which {
    Driver,
    Transport,
    Provisioner,
    Verifier,
}

impl From<Which> for Kind {
    fn from(which: Which) -> Self {
        match which {
            Which::Driver => Kind::Driver,
            Which::Transport => Kind::Transport,
            Which::Provisioner => Kind::Provisioner,
            Which::Verifier => Kind::Verifier,
        }
    }
}

/// Checks it; a problem where a check did not hold.
pub fn check(check: &Check) -> Result<Exit, Fault> {
    let registry = super::registry()?;
    let kind = kind(check, &registry)?;
    let examples = examples(check, kind, &registry)?;
    let root = tempfile::tempdir()?;
    let bench = Bench {
        registry: &registry,
        kind,
        name: &check.name,
        examples,
        root: root.path().into(),
        held: AtomicUsize::new(0),
        failed: AtomicUsize::new(0),
    };
    let runtime = crate::cli::runtime()?;
    runtime.block_on(bench.check())?;
    let (held, failed) = (bench.held.load(Relaxed), bench.failed.load(Relaxed));
    writeln!(mask::out(), "{held} checks held, {failed} failed")?;
    Ok(match failed {
        0 => Exit::Success,
        _ => Exit::Problem,
    })
}

/// The kind that is meant.
fn kind(check: &Check, registry: &Registry) -> Result<Kind, Fault> {
    if let Some(kind) = check.kind {
        return Ok(kind.into());
    }
    let name = &check.name;
    let has = |kind: &Kind| registry.names(*kind).iter().any(|known| known == name);
    let kinds: Vec<Kind> = KINDS.into_iter().filter(has).collect();
    match kinds[..] {
        [kind] => Ok(kind),
        [] => {
            let hints = KINDS.map(|kind| registry.unknown(kind, name).map(|it| it.hint()));
            let hints = hints.into_iter().flatten();
            Err(Fault::usage(format!("there is no plugin {name:?}"), hints))
        }
        _ => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.key()).collect();
            let message = format!("{name} is the name of a {}", kinds.join(" and a "));
            Err(Fault::usage(message, ["Choose one with `--kind`."]))
        }
    }
}

/// The settings to check with.
fn examples(check: &Check, kind: Kind, registry: &Registry) -> Result<Examples, Fault> {
    if let Some(path) = &check.examples {
        let wrong = |error: String| {
            let message = format!("read the examples in {}: {error}", path.display());
            Fault::usage(message, None::<String>)
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let value: Value =
            serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        return serde_json::from_value(value).map_err(|error| wrong(error.to_string()));
    }
    let Some(plugin) = registry.outside(kind, &check.name)? else {
        return Ok(Examples::default());
    };
    // What it says now, not what it said once.
    let hello = plugin.greet();
    let hello = hello.map_err(|error| fault::plugin(&check.name, &error))?;
    Ok(hello.examples.clone())
}

struct Bench<'a> {
    registry: &'a Registry,
    kind: Kind,
    name: &'a str,
    examples: Examples,
    root: PathBuf,
    held: AtomicUsize,
    failed: AtomicUsize,
}

impl Bench<'_> {
    async fn check(&self) -> Result<(), Fault> {
        let told = |check: &conformance::Check| self.tell(check);
        match self.kind {
            Kind::Driver => conformance::check_driver(&self.subject()?, &told).await,
            Kind::Transport => conformance::check_connection(&self.subject()?, &told).await,
            Kind::Provisioner | Kind::Verifier => self.on_machine(&told).await?,
        }
        Ok(())
    }

    fn tell(&self, check: &conformance::Check) {
        let name = check.name;
        let exempt = self.examples.exempt.get(name);
        let line = match (&check.verdict, exempt) {
            (Verdict::Held, _) => {
                self.held.fetch_add(1, Relaxed);
                format!("ok      {name}")
            }
            (Verdict::Exempt(reason), _) => format!("exempt  {name}: {reason}"),
            (Verdict::Failed(_), Some(reason)) => format!("exempt  {name}: {reason}"),
            (Verdict::Failed(why), None) => {
                self.failed.fetch_add(1, Relaxed);
                format!("FAILED  {name}: {why}")
            }
        };
        // A reader that went away has read enough.
        let _ = writeln!(mask::out(), "{line}");
    }

    fn good(&self) -> Value {
        Value::Object(self.examples.good.clone())
    }

    /// The driver, and its settings.
    fn driver(&self) -> (String, Value) {
        match (&self.examples.driver, self.kind) {
            (_, Kind::Driver) => (self.name.to_owned(), self.good()),
            (partner, _) => partner_or_exec(partner.as_ref()),
        }
    }

    /// The transport, and its settings.
    fn transport(&self) -> Result<(String, Value), Fault> {
        if self.kind == Kind::Transport {
            return Ok((self.name.to_owned(), self.good()));
        }
        if let Some(partner) = &self.examples.transport {
            return Ok(partner_or_exec(Some(partner)));
        }
        let own = self.registry.driver(&self.driver().0)?.capabilities();
        let own = own.transport.map(|name| Partner {
            name: name.into_owned(),
            settings: serde_json::Map::new(),
        });
        Ok(partner_or_exec(own.as_ref()))
    }

    fn subject(&self) -> Result<Subject, Fault> {
        let (driver, driver_settings) = self.driver();
        let (transport, transport_settings) = self.transport()?;
        let subject = Subject::of(
            self.registry.driver(&driver)?,
            self.registry.transport(&transport)?,
        );
        let mut subject = subject
            .driver_settings(driver_settings)
            .transport_settings(transport_settings);
        for (name, reason) in &self.examples.exempt {
            subject = subject.exempt(name.clone(), reason.clone());
        }
        Ok(match &self.examples.listen {
            Some(listen) => subject.listen(listen.port, &listen.command),
            None => subject.exempt(
                "dial to a listening port",
                "its examples name no command that listens",
            ),
        })
    }

    /// Checks a provisioner or verifier on a machine that is made for it.
    async fn on_machine(&self, told: conformance::Told<'_>) -> Result<(), Fault> {
        let (driver, driver_settings) = self.driver();
        let (transport, transport_settings) = self.transport()?;
        let cx = self.context(driver_settings);
        let transport_cx = Context {
            section: settings(transport_settings).into(),
            ..cx.clone()
        };
        let driver = self.registry.driver(&driver)?;
        let transport = self.registry.transport(&transport)?;
        let mut state = State::in_memory();
        let failed = |error| fault::plugin("the machine to check on", &error);
        let checked = async {
            driver.create(&cx, &mut state).await.map_err(failed)?;
            let connected = transport.connect(&transport_cx, &state).await;
            self.judge(&*connected.map_err(failed)?, told).await
        };
        let checked = checked.await;
        let gone = driver.destroy(&cx, &mut state).await.map_err(failed);
        checked.and(gone)
    }

    async fn judge(
        &self,
        connection: &dyn Connection,
        told: conformance::Told<'_>,
    ) -> Result<(), Fault> {
        let failing = self.examples.failing.clone();
        let failing = failing.map_or(Value::Null, Value::Object);
        let wrong = match &self.examples.wrong {
            Some(wrong) => (Value::Object(wrong.settings.clone()), wrong.key.as_str()),
            None => (Value::Null, ""),
        };
        let good = self.good();
        let root = &self.root;
        if self.kind == Kind::Provisioner {
            let subject = ProvisionerSubject {
                provisioner: &*self.registry.provisioner(self.name)?,
                connection,
                root,
                good,
                failing,
                wrong,
            };
            conformance::check_provisioner(&subject, told).await;
        } else {
            let subject = VerifierSubject {
                verifier: &*self.registry.verifier(self.name)?,
                connection,
                root,
                good,
                failing,
                wrong,
            };
            conformance::check_verifier(&subject, told).await;
        }
        Ok(())
    }

    fn context(&self, values: Value) -> Context {
        let project = unique();
        let identity = Identity {
            cluster: None,
            instance: format!("check-{project}"),
            suite: "check".into(),
            platform: "conformance".into(),
            run: project.clone(),
            project,
        };
        Context::for_tests(identity, self.root.clone(), settings(values))
    }
}

fn partner_or_exec(partner: Option<&Partner>) -> (String, Value) {
    match partner {
        Some(partner) => (
            partner.name.clone(),
            Value::Object(partner.settings.clone()),
        ),
        None => ("exec".into(), Value::Object(serde_json::Map::new())),
    }
}
