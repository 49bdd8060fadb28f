//! What the provider docker needs beside Vagrant: a network with labels, and a way to find and
//! remove containers that Vagrant itself has lost. By Docker's command line, as Vagrant does.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use banquet_sdk::{Context, Error, Identity, Result, Status, process};
use tokio::process::Command;

use crate::network::Network;
use crate::settings::Settings;
use crate::{errors, labels};

/// What Vagrant writes as the id of a container that it is about to make.
pub const PREPARING: &str = "preparing";
/// Columns of a list after the name, with tabs between them.
const COLUMNS: &str = "\t{{.ID}}\t{{.CreatedAt}}\t{{.Labels}}";
/// So long after a call was cut off the engine may still make what it had been asked for.
const SETTLE: Duration = Duration::from_secs(5);
/// Longest wait until Docker lists nothing more of what is being removed.
const REMOVAL: Duration = Duration::from_secs(60);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A container or a network of this program.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub identity: Identity,
    /// When it was made, as docker writes it.
    pub created: String,
}

/// Runs docker; gives what it prints.
async fn docker<S: AsRef<str>>(arguments: &[S]) -> Result<String> {
    let mut command = Command::new("docker");
    command.args(arguments.iter().map(AsRef::as_ref));
    process::capture(command)
        .await
        .map_err(|error| match error.exit_code {
            None => errors::not_started("docker", error),
            Some(_) => error,
        })
}

/// Whether docker answers.
pub async fn version() -> Result<String> {
    docker(&["version", "--format", "{{.Server.Version}}"]).await
}

/// Containers that these words of `docker ps` choose.
pub async fn containers(filter: Vec<String>) -> Result<Vec<Found>> {
    list(&["ps", "-a"], "{{.Names}}", filter).await
}

/// Networks that these words of `docker network ls` choose.
pub async fn networks(filter: Vec<String>) -> Result<Vec<Found>> {
    list(&["network", "ls"], "{{.Name}}", filter).await
}

async fn list(words: &[&str], name: &str, filter: Vec<String>) -> Result<Vec<Found>> {
    let format = format!("{name}{COLUMNS}");
    let words = [words, &["--no-trunc", "--format", &format]].concat();
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words.extend(filter);
    let text = docker(&words).await;
    let text = text.map_err(|error| error.while_doing("list what bears our labels"))?;
    Ok(text.lines().filter_map(row).collect())
}

fn row(line: &str) -> Option<Found> {
    let mut columns = line.splitn(4, '\t').map(str::to_owned);
    let (name, id, created, labels) = (
        columns.next()?,
        columns.next()?,
        columns.next()?,
        columns.next()?,
    );
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Some(Found {
        name,
        id,
        created,
        identity: labels::identity(&pairs.collect::<HashMap<_, _>>())?,
    })
}

/// Removes the containers of the instance that Vagrant does not know under `known`, until Docker
/// lists none.
pub async fn remove_others(cx: &Context, identity: &Identity, known: Option<&str>) -> Result<()> {
    remove_listed(cx, CONTAINERS, || async {
        let mut found = containers(labels::instance_filter(identity)).await?;
        found.retain(|it| Some(it.id.as_str()) != known);
        Ok(found)
    })
    .await
}

/// Removes the containers of the instance, and with `late` those that a call which was cut off had
/// asked for and that appear only now.
pub async fn sweep(cx: &Context, late: bool) -> Result<()> {
    let until = Instant::now() + SETTLE;
    let filter = || labels::instance_filter(&cx.identity);
    // Most often nothing comes.
    while late && containers(filter()).await?.is_empty() && Instant::now() < until {
        tokio::time::sleep(ASK_AGAIN).await;
    }
    remove_others(cx, &cx.identity, None).await
}

/// Removes one container with its own volumes, until Docker does not list it any more.
pub async fn remove_container(cx: &Context, id: &str) -> Result<()> {
    let filter = ["--filter".to_owned(), format!("id={id}")];
    remove_listed(cx, CONTAINERS, || containers(filter.to_vec())).await
}

/// Removes one network, until Docker does not list it any more.
pub async fn remove_network(cx: &Context, id: &str) -> Result<()> {
    let filter = ["--filter".to_owned(), format!("id={id}")];
    remove_listed(cx, NETWORKS, || networks(filter.to_vec())).await
}

/// Removes the networks of a cluster, until Docker lists none.
pub async fn remove_networks(cx: &Context, cluster: &str) -> Result<()> {
    remove_listed(cx, NETWORKS, || {
        networks(labels::cluster_filter(&cx.identity, cluster))
    })
    .await
}

/// Containers or networks: their name in messages, and the words that remove one.
type Things = (&'static str, &'static [&'static str]);
const CONTAINERS: Things = ("containers", &["rm", "-f", "-v"]);
const NETWORKS: Things = ("networks", &["network", "rm"]);

/// Removes what `list` finds until it finds nothing: Docker lists what it is still making, and says
/// of it that there is no such thing.
async fn remove_listed<L>(cx: &Context, (what, words): Things, list: impl Fn() -> L) -> Result<()>
where
    L: Future<Output = Result<Vec<Found>>>,
{
    let ids = || async { Ok(list().await?.into_iter().map(|it| it.id).collect()) };
    cx.remove_listed(
        what,
        REMOVAL,
        ids,
        |id| async move { remove(&[words, &[id.as_str()]].concat(), "remove what is left").await },
        |id| async move {
            let short = &id[..id.len().min(12)];
            cx.note(format!("removing from the {what}: {short}")).await;
        },
    )
    .await
}

/// Gone already, or being removed by another call, is success.
async fn remove(words: &[&str], what: &str) -> Result<()> {
    match docker(words).await {
        Err(error)
            if !["No such", "not found", "already in progress"]
                .iter()
                .any(|it| error.message.contains(it)) =>
        {
            Err(error.while_doing(what))
        }
        _ => Ok(()),
    }
}

/// Whether the container is there and runs.
pub async fn status(id: &str) -> Result<Status> {
    match docker(&[
        "inspect",
        "--type",
        "container",
        "--format",
        "{{.State.Status}}",
        id,
    ])
    .await
    {
        Ok(text) => Ok(match text.trim() {
            "running" | "restarting" => Status::Running,
            "paused" => Status::Paused,
            "removing" => Status::Absent,
            _ => Status::Stopped,
        }),
        Err(error) if error.message.contains("No such") => Ok(Status::Absent),
        Err(error) => Err(error.while_doing("inspect the container")),
    }
}

/// Words before a command so that it runs in the container's network; none where the kitchen is not
/// root, or the container's processes are not this machine's.
pub async fn network(id: &str) -> Result<Option<Vec<String>>> {
    let asked = docker(&[
        "inspect",
        "--type",
        "container",
        "--format",
        "{{.State.Pid}}",
        id,
    ])
    .await;
    let pid = asked.unwrap_or_default();
    let pid = pid.trim();
    // An engine in a virtual machine has numbers of its own.
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let reached = is_root() && groups.contains(id);
    Ok(reached.then(|| {
        ["nsenter", "--target", pid, "--net", "--"]
            .map(String::from)
            .into()
    }))
}

#[cfg(unix)]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
pub fn is_root() -> bool {
    false
}

/// Kills, freezes or thaws a container; it is so already is success.
pub async fn switch(word: &str, id: &str) -> Result<()> {
    match docker(&[word, id]).await {
        Err(error)
            if !["is not running", "is already paused", "is not paused"]
                .iter()
                .any(|it| error.message.contains(it)) =>
        {
            Err(error.while_doing(format!("{word} the container")))
        }
        _ => Ok(()),
    }
}

/// Makes the cluster's network, or finds it there. A subnet that somebody else has is changed for
/// another where nobody lives in it yet.
pub async fn ensure(cx: &Context, settings: &Settings, network: &mut Network) -> Result<()> {
    let there = [
        "network",
        "inspect",
        "--format",
        "{{range .IPAM.Config}}{{.Subnet}}{{end}}",
        &network.name,
    ];
    if docker(&there)
        .await
        .is_ok_and(|subnet| subnet.trim() == network.subnet.to_string())
    {
        return Ok(());
    }
    let mut last = None;
    for subnet in network.alternatives(settings, &cx.identity) {
        let mut words: Vec<String> = ["network", "create", "--subnet"].map(String::from).into();
        words.push(subnet.to_string());
        for (key, value) in labels::of(&cx.identity, true) {
            words.extend(["--label".into(), format!("{key}={value}")]);
        }
        words.push(network.name.clone());
        match docker(&words).await {
            Ok(_) => {
                network.subnet = subnet;
                network.free = false;
                return Ok(());
            }
            Err(error) if is_overlap(&error) => last = Some(error),
            Err(error) => return Err(error.while_doing("make the cluster's network")),
        }
    }
    let error = last.unwrap_or_else(|| Error::machine("no subnet to try"));
    Err(error
        .while_doing(format!("make the cluster's network {}", network.subnet))
        .hint("Set `cluster_network` to a network that nobody uses, such as 10.99.7.0/24."))
}

fn is_overlap(error: &Error) -> bool {
    let texts = ["overlaps", "is already in use", "conflicts with network"];
    texts.iter().any(|text| error.message.contains(text))
}

/// Whether an error means that there is no docker here, so that it cannot have made anything.
pub fn is_missing(error: &Error) -> bool {
    error.exit_code.is_none() && error.message.starts_with("start docker: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_lists() {
        let labels = "a=b,org.banquet.vagrant.project=p,org.banquet.vagrant.instance=i";
        let found = row(&format!("n\tabc\t2026-11-21 10:31:05 +0000 UTC\t{labels}")).unwrap();
        assert_eq!(
            (found.id.as_str(), found.identity.instance.as_str()),
            ("abc", "i")
        );
        assert!(row("n\tabc\tnow\ta=b").is_none());
    }
}
