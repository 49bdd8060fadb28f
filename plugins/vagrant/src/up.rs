//! Brings machines up: the first member's call runs one `vagrant up` for all that are due, the
//! calls of the others find theirs up.
//!
//! A record says whose turn it is (`Turn`). What is due in this run goes along with whoever comes
//! first; a call first takes its own machine, so that nobody else makes it meanwhile. A call that is
//! cut off leaves the others due, and the next one goes on with them.

use std::collections::BTreeMap;

use banquet_sdk::{Context, Error, Peers, Residue, Result, State};
use serde_json::Value;

use crate::command::Vagrant;
use crate::environment::{Environment, Hold, VAGRANTFILE};
use crate::machine::{self, Place};
use crate::network::Network;
use crate::record::{Before, Login, Provision, Record, Told, Turn};
use crate::settings::Settings;
use crate::told::{Came, Found};
use crate::vagrantfile::{self, ENVIRONMENT};
use crate::{docker, errors, labels, ssh_config};

/// A machine to be made or adopted.
struct Making<'a> {
    cx: &'a Context,
    settings: &'a Settings,
    environment: Environment,
    machine: String,
}

/// Notes what `create` will need: the machine's place, its address and its host name, before any
/// member exists.
pub async fn plan(
    cx: &Context,
    settings: &Settings,
    peers: &Peers,
    state: &mut State,
) -> Result<()> {
    let place = Place::of(cx, state);
    let making = Making::new(cx, settings, &place);
    let _held = place.environment.hold(cx, Hold::Alone).await?;
    let mut record = making.described(peers)?;
    if place.environment.id(&place.machine).is_none() {
        record.turn = Turn::Due(cx.identity.run.clone());
    }
    note(&place, &record, state)?;
    place.environment.save(&record)
}

/// Makes the machine or adopts it.
pub async fn create(cx: &Context, settings: &Settings, state: &mut State) -> Result<()> {
    let place = Place::of(cx, state);
    let making = Making::new(cx, settings, &place);
    let _held = place.environment.hold(cx, Hold::Alone).await?;
    let mut record = making.described(&cx.peers)?;
    note(&place, &record, state)?;
    let turn = std::mem::replace(&mut record.turn, Turn::Settled);
    place.environment.save(&record)?;
    let run = &cx.identity.run;
    let login = match turn {
        Turn::Up(of, login) if of == *run => Ok(login),
        Turn::Failed(of, told) if of == *run => Err(told.into()),
        _ => making.up(record).await,
    };
    let settled = |mut record: Record| {
        record.turn = Turn::Settled;
        place.environment.save(&record)
    };
    let record = making.record()?;
    let residue = |error: Error| {
        error.residue(Residue::Resources(vec![format!(
            "machine {} of vagrant",
            record.name
        )]))
    };
    match login {
        Ok(login) => {
            state_login(state, login);
            note(&place, &record, state)?;
            settled(record)
        }
        Err(error) => {
            let error = residue(error);
            settled(record)?;
            Err(error)
        }
    }
}

/// Notes where the machine is, what it and its network are called, its host name, and the address
/// that its peers use: in the section's private network or else the cluster's.
fn note(place: &Place, record: &Record, state: &mut State) -> Result<()> {
    place.note(state, &record.provider);
    state.set(machine::NAME, record.name.clone());
    let mut address = vagrantfile::private_address(&record.data).map(str::to_owned);
    if let Some(network) = place.environment.network()? {
        let shared = network.address(&record.identity.instance);
        address = address.or(shared.map(|it| it.to_string()));
        state.set(machine::NETWORK, network.name);
    }
    if let Some(address) = address {
        state.set("address", address);
    }
    if let Some(name) = &record.host_name {
        state.set("host_name", name.clone());
    }
    state.checkpoint()
}

/// Puts where the machine is reached into its state.
pub fn state_login(state: &mut State, login: Login) {
    for (key, value) in login {
        state.set(key, value);
    }
}

impl<'a> Making<'a> {
    fn new(cx: &'a Context, settings: &'a Settings, place: &Place) -> Self {
        Self {
            cx,
            settings,
            environment: place.environment.clone(),
            machine: place.machine.clone(),
        }
    }

    fn vagrant(&self) -> Vagrant<'_> {
        Vagrant {
            cx: self.cx,
            settings: self.settings,
            root: &self.environment.root,
            file: None,
        }
    }

    fn record(&self) -> Result<Record> {
        let record = self.environment.record(&self.machine)?;
        record.ok_or_else(|| Error::machine(format!("the record of {} went missing", self.machine)))
    }

    /// The record of the machine as the section now describes it. What exists keeps its name.
    fn described(&self, peers: &Peers) -> Result<Record> {
        let (cx, settings) = (self.cx, self.settings);
        let host_name = settings.host_name(cx);
        self.seat(peers, host_name.as_deref())?;
        let earlier = self.environment.record(&self.machine)?;
        let there = self.environment.id(&self.machine).is_some();
        let identity = match &earlier {
            Some(earlier) if there => earlier.identity.clone(),
            _ => cx.identity.clone(),
        };
        let mut record = Record {
            machine: self.machine.clone(),
            provider: settings.provider(),
            name: labels::name(&cx.identity.instance, &identity),
            identity,
            host_name,
            provision: provision(settings),
            before: before(settings, cx, &self.environment),
            data: Value::Null,
            turn: earlier.map_or(Turn::Settled, |earlier| earlier.turn),
        };
        record.data = vagrantfile::data(cx, settings, &record)?;
        Ok(record)
    }

    /// Gives every peer and this member a place in the cluster's network, where it has one.
    fn seat(&self, peers: &Peers, host_name: Option<&str>) -> Result<()> {
        let known = self.environment.network()?;
        let network = known.or_else(|| Network::choose(self.settings, &self.cx.identity));
        let Some(mut network) = network else {
            return Ok(());
        };
        network.seat(peers, self.cx, host_name)?;
        self.environment.save_network(&network)
    }

    /// Brings up the machine of `record`, and all others that are due; says where it is reached.
    async fn up(&self, record: Record) -> Result<Login> {
        let due = self.due(&record)?;
        let party: Vec<Record> = std::iter::once(record).chain(due).collect();
        self.prepare(&party).await?;
        for record in &party {
            // Until Vagrant has ended nobody knows how far they came.
            let turn = Turn::Making;
            self.environment.save(&Record {
                turn,
                ..record.clone()
            })?;
        }
        let machines: Vec<&str> = party.iter().map(|it| it.machine.as_str()).collect();
        if machines.len() > 1 {
            let names = machines.join(", ");
            self.cx.note(format!("one vagrant up for {names}")).await;
        }
        let first = &party[0];
        let mut words = vec!["up", "--provider", &first.provider];
        words.extend(match first.provision {
            Provision::None => ["--no-provision"].as_slice(),
            Provision::Environment => &["--provision-with", ENVIRONMENT],
            Provision::All => &[],
        });
        words.extend(&machines);
        let (failed, found) = match self.vagrant().try_run(&words).await {
            Ok(found) => (None, found),
            Err((error, found)) => (Some(error), found),
        };
        let logins = self.logins(&party, failed, &found).await?;
        let mut all = party.into_iter().zip(logins);
        let own = all.next().and_then(|(_, login)| login);
        let run = &self.cx.identity.run;
        for (mut other, login) in all {
            other.turn = match login {
                Some(Ok(login)) => Turn::Up(run.clone(), login),
                Some(Err(error)) => Turn::Failed(run.clone(), Told::from(error)),
                None => Turn::Due(run.clone()),
            };
            self.environment.save(&other)?;
        }
        own.unwrap_or_else(|| Err(Error::machine("vagrant up said nothing of the machine")))
    }

    /// The others that are due in this run and can go along.
    fn due(&self, own: &Record) -> Result<Vec<Record>> {
        let mut all = self.environment.records()?;
        all.retain(|it| {
            matches!(&it.turn, Turn::Due(run) if *run == self.cx.identity.run)
                && it.machine != own.machine
                && (&it.provider, it.provision) == (&own.provider, own.provision)
        });
        Ok(all)
    }

    /// Makes what must be there before: the network, the Vagrantfile, what the user's commands make.
    /// Removes containers of killed calls that Vagrant does not know.
    async fn prepare(&self, party: &[Record]) -> Result<()> {
        if self.settings.is_docker() {
            if let Some(mut network) = self.environment.network()? {
                network.made = true;
                self.environment.save_network(&network)?;
                docker::ensure(self.cx, self.settings, &mut network).await?;
                self.environment.save_network(&network)?;
            }
            for record in party {
                let known = self.environment.id(&record.machine);
                docker::remove_others(self.cx, &record.identity, known.as_deref()).await?;
            }
        }
        self.write_vagrantfile()?;
        for record in party {
            for command in &record.before {
                self.before(command).await?;
            }
        }
        Ok(())
    }

    fn write_vagrantfile(&self) -> Result<()> {
        let (records, network) = (self.environment.records()?, self.environment.network()?);
        let own = self
            .settings
            .vagrantfile_erb
            .as_ref()
            .map(|path| self.cx.root.join(path));
        let text = vagrantfile::render(&records, network.as_ref(), own.as_deref())?;
        self.environment.write_file(VAGRANTFILE, &text)
    }

    async fn before(&self, command: &Before) -> Result<()> {
        match command {
            Before::Shell(line) => {
                let command = self.cx.local_command(line);
                let status = banquet_sdk::process::run(
                    command,
                    &banquet_sdk::Stdin::Empty,
                    &*self.cx.output,
                );
                status.await?.into_result("pre_create_command")
            }
            Before::Vagrant(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                match self.vagrant().run(&words).await {
                    // A box that was never downloaded is no box to update (kitchen-vagrant).
                    Err(error) if error.message.contains("does not exist") => Ok(()),
                    other => other.map(drop),
                }
            }
        }
    }

    /// Where each of `party` is reached, or why it is not up; none for those that Vagrant never came
    /// to.
    async fn logins(
        &self,
        party: &[Record],
        failed: Option<Error>,
        found: &Found,
    ) -> Result<Vec<Option<Result<Login>>>> {
        let text = found.error.as_ref().map_or("", |(_, text)| text.as_str());
        let each = errors::each("vagrant up", text);
        let begun = |record: &Record| found.machines.get(&record.machine);
        // Where Vagrant came to none, it failed for all.
        let none_begun = !party.iter().any(|it| begun(it).is_some());
        let up: Vec<&str> = party
            .iter()
            .filter(|it| failed.is_none() || begun(it) == Some(&Came::Ended))
            .map(|it| it.machine.as_str())
            .collect();
        let mut known = match up.is_empty() {
            true => Default::default(),
            false => logins(&self.vagrant(), &self.cx.plugins.transport, &up).await?,
        };
        let outcome = |record: &Record| {
            let machine = record.machine.as_str();
            if up.contains(&machine) {
                let login = known.remove(machine);
                let silent = || Error::machine("vagrant does not say where the machine is reached");
                return Some(login.ok_or_else(silent));
            }
            let error = each.get(machine).or(failed.as_ref())?.clone();
            (none_begun || begun(record).is_some()).then_some(Err(error))
        };
        Ok(party.iter().map(outcome).collect())
    }
}

/// Where machines are reached, by name.
pub async fn logins(
    vagrant: &Vagrant<'_>,
    transport: &str,
    machines: &[&str],
) -> Result<BTreeMap<String, Login>> {
    let word = if transport.contains("winrm") {
        "winrm-config"
    } else {
        "ssh-config"
    };
    let found = vagrant.ask(&[&[word], machines].concat()).await?;
    Ok(ssh_config::parse(&found.plain))
}

fn provision(settings: &Settings) -> Provision {
    match (settings.provision, settings.env.0.is_empty()) {
        (true, _) => Provision::All,
        (false, false) => Provision::Environment,
        (false, true) => Provision::None,
    }
}

/// The user's commands before the machine is made (kitchen-vagrant, `create`).
fn before(settings: &Settings, cx: &Context, environment: &Environment) -> Vec<Before> {
    let mut all = Vec::new();
    if let Some(line) = &settings.pre_create_command {
        let root = environment.root.display().to_string();
        all.push(Before::Shell(line.replace("{{vagrant_root}}", &root)));
    }
    let Some(name) = settings.the_box(&cx.identity.platform) else {
        return all;
    };
    let provider = settings.provider();
    let mut vagrant = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned());
        all.push(Before::Vagrant(words.collect()));
    };
    if settings.box_auto_update.unwrap_or(false) {
        let mut words = vec!["box", "update", "--box", &name, "--provider", &provider];
        let architecture = settings.box_arch.iter();
        words.extend(architecture.flat_map(|it| ["--architecture", it.as_str()]));
        words.extend(
            settings
                .box_download_insecure
                .filter(|it| *it)
                .map(|_| "--insecure"),
        );
        vagrant(&words);
    }
    if settings.box_auto_prune.unwrap_or(false) {
        let which = [
            "--keep-active-boxes",
            "--name",
            &name,
            "--provider",
            &provider,
        ];
        vagrant(&[&["box", "prune", "--force"], which.as_slice()].concat());
    }
    all
}
