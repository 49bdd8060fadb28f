//! What members hear of each other, before and after they exist.

use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::process::Collect;
use banquet_sdk::{Connection, Discard, Exec, Peers, State};
use futures::StreamExt;
use futures::future::join_all;
use tokio::time::Instant;

use super::action::Work;
use super::job::{Job, PEERS_FILE};
use super::member::Member;
use super::scope::Scope;
use super::{Cause, EventKind, Failure, Outcome};
use crate::matrix::{Action, Instance, Kind};

/// How long a member may take to say its host name.
const ASKED: Duration = Duration::from_secs(10);

/// Runs what it reads as root. A transport that knows the password of sudo gives it an askpass.
const AS_ROOT: &str = "[ \"$(id -u)\" = 0 ] && exec sh -s; [ -z \"$SUDO_ASKPASS\" ] || exec sudo sh -s; exec sudo -n sh -s";

impl Job<'_> {
    /// Every one of `members` hears of all members of the cluster, one after another: drivers hand
    /// out addresses by the order.
    pub(super) async fn gossip(
        &self,
        members: &[Arc<Instance>],
        scope: &Scope,
    ) -> Result<(), Failure> {
        let peers = Peers(self.members.iter().map(Member::peer).collect());
        for instance in members {
            let member = self.member(instance)?;
            let heard = async {
                let driver = self.run.kitchen.registry.driver(&instance.driver.name)?;
                let mut state = member.state();
                let work = Work::of(Action::Create, instance, self.task);
                let cx = self.context(&work, Kind::Driver, &state, scope).await?;
                let error =
                    |error| Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Driver);
                driver
                    .gossip(&cx, &peers, &mut state)
                    .await
                    .map_err(error)?;
                if state.values().is_empty() {
                    return Ok(());
                }
                state.checkpoint().map_err(error)
            };
            self.heard("gossip", instance, scope, heard).await?;
        }
        Ok(())
    }

    /// Every living member hears the real addresses of all.
    pub(super) async fn late_gossip(&self, scope: &Scope) -> Result<(), Failure> {
        let members = self.members.iter();
        let awake = members.filter(|it| it.lives() && self.silenced(it).is_none());
        join_all(awake.map(|member| self.learn_host_name(member, scope))).await;
        self.look_around();
        let known = self.known();
        let scripts = [false, true].map(|hosts| script(&known.peers, hosts));
        let living: Vec<&Member> = self
            .members
            .iter()
            .filter(|member| member.lives())
            .collect();
        let silent = living.iter().any(|member| self.silenced(member).is_some());
        let living = living.into_iter();
        let living: Vec<_> = living.filter(|it| self.silenced(it).is_none()).collect();
        let work = living
            .iter()
            .map(|member| self.hear(member, &known.peers, &scripts, scope));
        let mut running =
            futures::stream::iter(work).buffer_unordered(self.run.options.members.max(1));
        let mut ended = Ok(());
        while let Some(heard) = running.next().await {
            ended = ended.and(heard);
        }
        drop(running);
        ended?;
        // Who is off or frozen hears of it later.
        self.record(|record| record.gossiped = !silent)
    }

    /// Asks a member whose driver does not tell it what it calls itself. One that does not answer
    /// has no host name.
    async fn learn_host_name(&self, member: &Member, scope: &Scope) {
        let mut state = member.state();
        if state.str("host_name").is_some() {
            return;
        }
        let work = Work::of(Action::Create, &member.instance, self.task);
        let command = match member.instance.platform_type.os.as_str() {
            "windows" => "hostname",
            _ => "uname -n",
        };
        let asking = async {
            let connection = self.connect(member, &work, &state, scope).await.ok()?;
            let said = Collect::default();
            let status = connection.exec(&Exec::new(command), &said).await.ok()?;
            status.success().then(|| said.into_parts().0)
        };
        let Ok(Some(said)) = tokio::time::timeout(ASKED, asking).await else {
            return;
        };
        let name = said.trim();
        if !name.is_empty() && !name.contains(char::is_whitespace) {
            state.set("host_name", name);
            // What was not noted is asked again.
            let _ = state.checkpoint();
        }
    }

    async fn hear(
        &self,
        member: &Member,
        peers: &Peers,
        scripts: &[String; 2],
        scope: &Scope,
    ) -> Result<(), Failure> {
        let instance = &member.instance;
        let heard = async {
            let driver = self.run.kitchen.registry.driver(&instance.driver.name)?;
            let mut state = member.state();
            let work = Work::of(Action::Create, instance, self.task);
            let cx = self.context(&work, Kind::Driver, &state, scope).await?;
            let error = |error| Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Driver);
            driver
                .late_gossip(&cx, peers, &mut state)
                .await
                .map_err(error)?;
            self.introduce(&work, &mut state, scope).await?;
            state.checkpoint().map_err(error)?;
            let capabilities = driver.capabilities();
            if capabilities.workstation {
                return Ok(());
            }
            let connection = self.connect(member, &work, &state, scope).await?;
            let script = &scripts[usize::from(!capabilities.names_resolve)];
            told(&*connection, script).await.map_err(error)
        };
        self.heard("late_gossip", instance, scope, heard).await
    }

    /// The member's provisioner leaves word for those of the others.
    async fn introduce(
        &self,
        work: &Work,
        state: &mut State,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let registry = &self.run.kitchen.registry;
        // One that this build does not have fails the converge, if there is any.
        let Ok(provisioner) = registry.provisioner(&work.instance.provisioner.name) else {
            return Ok(());
        };
        let cx = self.context(work, Kind::Provisioner, state, scope).await?;
        provisioner
            .introduce(&cx, state)
            .await
            .map_err(|error| Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Provisioner))
    }

    /// `work` between the events of an action.
    async fn heard(
        &self,
        action: &str,
        instance: &Instance,
        scope: &Scope,
        work: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let (place, started) = (self.place(instance, scope), Instant::now());
        self.send(EventKind::ActionStarted {
            place: place.clone(),
            action: action.into(),
        })
        .await;
        let ended = scope.limit(action, work).await;
        let outcome = match &ended {
            Ok(()) => Outcome::Passed,
            Err(failure) => Outcome::Failed(failure.clone()),
        };
        let (action, duration) = (action.into(), started.elapsed());
        self.send(EventKind::ActionFinished {
            place,
            action,
            outcome,
            duration,
        })
        .await;
        ended
    }
}

async fn told(connection: &dyn Connection, script: &str) -> banquet_sdk::Result<()> {
    let exec = Exec::new(AS_ROOT).stdin(script);
    let status = connection.exec(&exec, &Discard).await?;
    status.into_result("tell the member of its peers").map_err(|error| {
        error.hint("Files below /etc are written as root: the transport's user needs `sudo`, without a password or with `sudo_password` of transport ssh.")
    })
}

/// Writes the list of peers and, where names do not resolve, a block of the hosts file. A second
/// time changes nothing. The hosts file keeps its inode: it may be mounted.
fn script(peers: &Peers, hosts: bool) -> String {
    let list = serde_json::json!(peers.0);
    let mut script = format!(
        "set -e\nmkdir -p \"$(dirname {PEERS_FILE})\"\ncat > {PEERS_FILE} <<'KITCHEN_END'\n{list}\nKITCHEN_END\n"
    );
    if hosts {
        let entries: String = peers
            .0
            .iter()
            .filter_map(|peer| {
                Some(format!(
                    "{} {}\n",
                    peer.address.as_deref()?,
                    peer.names().join(" ")
                ))
            })
            .collect();
        script += &format!(
            "test ! -e /etc/hosts || test -f /etc/hosts || {{ echo '/etc/hosts is no regular file' >&2; exit 1; }}\n\
             rest=$(sed '/^# BEGIN kitchen$/,/^# END kitchen$/d' /etc/hosts)\n\
             cat > /etc/hosts <<KITCHEN_END\n$rest\n# BEGIN kitchen\n{entries}# END kitchen\nKITCHEN_END\n"
        );
    }
    script
}

#[cfg(test)]
mod tests {
    use banquet_sdk::Peer;

    use super::*;

    #[test]
    fn the_hosts_block_is_marked_and_names_every_peer() {
        let peers = Peers(vec![Peer {
            suite: "db".into(),
            instance: "db-host".into(),
            address: Some("10.0.0.2".into()),
            ..Peer::default()
        }]);
        let with = script(&peers, true);
        assert!(
            with.contains("# BEGIN kitchen\n10.0.0.2 db db-host\n# END kitchen\n"),
            "{with}"
        );
        assert!(!script(&peers, false).contains("/etc/hosts"));
    }
}
