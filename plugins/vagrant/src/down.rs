//! Removes machines, and what the members of a cluster shared.

use banquet_sdk::{Context, Result, State};

use crate::command::{self, Vagrant};
use crate::environment::{Environment, Hold};
use crate::machine::{self, Place};
use crate::record::{Record, Turn};
use crate::settings::Settings;
use crate::{docker, errors, vagrantfile};

/// Removes the machine that the state or the records know, and every container that bears the
/// instance's labels.
pub async fn destroy(cx: &Context, settings: &Settings, state: &mut State) -> Result<()> {
    let place = Place::of(cx, state);
    let environment = &place.environment;
    let noted = machine::provider(state).map(str::to_owned);
    let mut provider = noted.clone().unwrap_or_else(|| settings.provider());
    // What a call that was cut off had asked Docker for may still come.
    let mut late = cx.after_crash;
    let mut held = None;
    if environment.root.is_dir() {
        held = Some(environment.hold(cx, Hold::Shared).await?);
        let record = environment.record(&place.machine)?;
        if let Some(record) = &record {
            provider.clone_from(&record.provider);
            let id = environment.id(&place.machine);
            late |= record.turn == Turn::Making && id.is_none_or(|id| id == docker::PREPARING);
        }
        if environment.id(&place.machine).is_some() {
            remove(cx, settings, &place, record.as_ref(), &provider).await?;
        }
    } else {
        late |= command::end_leftovers(cx, &environment.root).await? || noted.is_some();
        if state.str("hostname").is_some() && provider != "docker" {
            lost(cx, environment, &provider).await;
        }
    }
    if provider == "docker" {
        match docker::sweep(cx, late).await {
            Err(error) if docker::is_missing(&error) => {}
            swept => swept?,
        }
    }
    environment.forget(&place.machine)?;
    if !place.shared {
        environment.remove()?;
    }
    drop(held);
    machine::forget(state)
}

/// What only Vagrant could remove, and Vagrant does not know any more.
async fn lost(cx: &Context, environment: &Environment, provider: &str) {
    let (root, instance) = (environment.root.display(), &cx.identity.instance);
    let message = format!(
        "{root} is gone, and with it what Vagrant knew of the machine: look for banquet-{instance}-… at {provider}"
    );
    cx.note(message).await;
}

/// Lets Vagrant remove the machine: by the Vagrantfile that is there, else by one that is made for
/// this.
async fn remove(
    cx: &Context,
    settings: &Settings,
    place: &Place,
    record: Option<&Record>,
    provider: &str,
) -> Result<()> {
    let words = ["destroy", "--force", &place.machine];
    let mut vagrant = Vagrant {
        cx,
        settings,
        root: &place.environment.root,
        file: None,
    };
    if place.environment.vagrantfile().is_file() {
        match vagrant.try_run(&words).await {
            Ok(_) => return Ok(()),
            Err((_, found)) if errors::is_vagrantfile(&found) => {}
            Err((error, _)) => return Err(error),
        }
    }
    let text = match record {
        Some(record) => vagrantfile::render(std::slice::from_ref(record), None, None)?,
        None => vagrantfile::minimal(&place.machine, provider),
    };
    let name = format!("Vagrantfile.{}", place.machine);
    place.environment.write_file(&name, &text)?;
    vagrant.file = Some(&name);
    vagrant.run(&words).await.map(drop)
}

/// Removes what the members of `cluster` shared.
pub async fn dissolve(cx: &Context, settings: &Settings, cluster: &str) -> Result<()> {
    let environment: Environment = machine::environment(cx, cluster);
    let made = environment.network()?.is_some_and(|network| network.made);
    if made || settings.is_docker() {
        match docker::remove_networks(cx, cluster).await {
            Err(error) if docker::is_missing(&error) => {}
            removed => removed?,
        }
    }
    if environment.root.is_dir() {
        let _held = environment.hold(cx, Hold::Alone).await?;
        environment.remove()?;
    }
    Ok(())
}
