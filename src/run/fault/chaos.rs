//! Follows the schedule of `chaos`.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::super::job::Job;
use super::super::member::Member;
use super::super::scope::Scope;
use super::super::{Cause, Failure};
use crate::matrix::{Chaos, Fault, Step};
use crate::plan::{Strike, schedule};

impl Job<'_> {
    /// Fault after fault. One waits where an earlier one takes longer to undo than planned and too
    /// few members would be left in service.
    pub(in crate::run) async fn chaos(
        &self,
        step: &Step,
        chaos: &Chaos,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let groups = self.groups(step)?;
        let members: Vec<&Member> = groups.into_iter().flatten().collect();
        let suites: Vec<String> = members.iter().map(|it| it.instance.suite.clone()).collect();
        let started = Instant::now();
        let mut down: Vec<String> = Vec::new();
        let mut running = FuturesUnordered::new();
        let mut ended = Ok(());
        for strike in schedule(chaos, &suites) {
            let due = started + strike.at;
            // What ends meanwhile ends.
            while ended.is_ok() {
                let in_service = suites.len() - down.len();
                let fits = in_service > chaos.min_in_service && !down.contains(&strike.victim);
                let wait = tokio::time::sleep_until(due);
                tokio::select! {
                    biased;
                    Some((victim, struck)) = running.next() => {
                        down.retain(|it| *it != victim);
                        ended = struck;
                    }
                    waited = scope.limit(&step.text, async { wait.await; Ok(()) }), if fits => {
                        ended = waited;
                        break;
                    }
                }
            }
            if ended.is_err() {
                break;
            }
            down.push(strike.victim.clone());
            let members = &members;
            running.push(async move {
                let struck = self.strike(&strike, members, scope).await;
                (strike.victim, struck)
            });
        }
        while let Some((_, struck)) = running.next().await {
            ended = ended.and(struck);
        }
        let rest = (started + chaos.lasts).saturating_duration_since(Instant::now());
        match ended {
            Ok(()) => scope.limit(&step.text, self.sleep(rest)).await,
            failed => failed,
        }
    }

    async fn strike(
        &self,
        strike: &Strike,
        members: &[&Member],
        scope: &Scope,
    ) -> Result<(), Failure> {
        let (victims, others): (Vec<&Member>, Vec<&Member>) = members
            .iter()
            .partition(|member| member.instance.suite == strike.victim);
        let suites: Vec<String> = members.iter().map(|it| it.instance.suite.clone()).collect();
        let groups = match strike.fault {
            Fault::Partition => vec![victims, others],
            _ => vec![victims],
        };
        let text = strike.text(&suites);
        self.for_a_time(&text, strike.fault, &groups, strike.lasts, scope)
            .await
            .map_err(|failure| match failure.cause {
                Cause::Interrupted => failure,
                _ => Failure {
                    message: format!("chaos: {}", failure.message),
                    ..failure
                },
            })
    }

    /// Sets a fault and undoes it after `lasts`, whatever comes between.
    pub(super) async fn for_a_time(
        &self,
        text: &str,
        fault: Fault,
        groups: &[Vec<&Member>],
        lasts: Duration,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let broken = scope
            .limit(text, self.set(text, fault, groups, scope))
            .await?;
        let waited = scope.limit(text, self.sleep(lasts)).await;
        let last = Scope::new(&self.run.stop.now).at_step(&scope.step);
        waited.and(self.mend(&broken, &last).await)
    }
}
