//! What every driver must hold to.

use std::pin::pin;
use std::task::Poll;

use super::checks::{Checks, During, Judge, Outcome, Told, expect, expect_eq, info_is_complete};
use super::subject::{Machine, Subject, unique};
use crate::{ErrorKind, Exec, Peer, Peers, Power, Status};

/// A create is cut off after so many polls; each is about one await further.
const CUTS: [usize; 10] = [1, 2, 3, 4, 6, 9, 14, 22, 35, 60];

/// Checks the driver of `subject`. Panics with every check that did not hold.
pub async fn driver(subject: &Subject) {
    let judge = Judge::new(format!("driver {}", subject.driver.info().name));
    check_driver(subject, &|check| judge.hear(check)).await;
    judge.finish();
}

/// Checks the driver of `subject`; `told` hears of every check.
pub async fn check_driver(subject: &Subject, told: Told<'_>) {
    let info = subject.driver.info();
    let mut checks = Checks::new(&subject.exempt, told);
    checks
        .check("driver keys are described", async {
            info_is_complete(&info)
        })
        .await;
    checks
        .check("gossip makes nothing", gossip_makes_nothing(subject))
        .await;
    checks
        .check("a created machine runs", created_runs(subject))
        .await;
    checks
        .check("labels find a machine", labels_find(subject))
        .await;
    checks
        .check("things are reclaimed alone", reclaimed_alone(subject))
        .await;
    checks
        .check("create twice adopts", create_twice(subject))
        .await;
    checks
        .check(
            "create finishes what a crash left",
            create_finishes(subject),
        )
        .await;
    checks
        .check("intent is noted first", intent_first(subject))
        .await;
    checks
        .check("destroy of nothing succeeds", destroy_nothing(subject))
        .await;
    checks
        .check("destroy twice succeeds", destroy_twice(subject))
        .await;
    checks
        .check("destroy from every checkpoint", every_checkpoint(subject))
        .await;
    checks
        .check("destroy from an empty state", empty_state(subject))
        .await;
    checks
        .check("destroy after a create cut off", cut_create(subject))
        .await;
    checks
        .check("projects keep apart", projects_apart(subject))
        .await;
    checks
        .check("a cluster dissolves", cluster_dissolves(subject))
        .await;
    checks.check("power", power(subject)).await;
    checks
        .check("nothing is left at the end", subject.sweep())
        .await;
}

async fn gossip_makes_nothing(subject: &Subject) -> Outcome {
    let mut machine = subject.machine_of(&unique(), Some("pair"), "one");
    let peers = peers_of(&[&machine], subject);
    let told = subject
        .driver
        .gossip(&machine.cx, &peers, &mut machine.state)
        .await;
    told.during("gossip")?;
    machine.expect_gone("after gossip").await
}

async fn created_runs(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    machine
        .expect_status(Status::Absent, "before create")
        .await?;
    machine.create().await?;
    machine
        .expect_status(Status::Running, "after create")
        .await?;
    expect(machine.state.address().is_some(), "an address in the state")?;
    machine.destroy().await?;
    machine.expect_gone("after destroy").await
}

async fn labels_find(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    machine.create().await?;
    let found = machine.labelled().await?;
    let ours = found
        .iter()
        .filter(|orphan| orphan.identity.instance == machine.cx.identity.instance)
        .count();
    expect(ours > 0, "orphans to list the machine by its labels")?;
    let values = machine.state.values();
    let unknown = found
        .iter()
        .find(|orphan| !orphan.names.is_empty() && !orphan.cache && !orphan.is_noted_in(values));
    expect(
        unknown.is_none(),
        format_args!("a state that holds a name of each orphan, not of {unknown:?}"),
    )?;
    machine.destroy().await?;
    machine.expect_gone("after destroy").await
}

/// Of a driver that can remove one thing: it goes, and another machine's stay.
async fn reclaimed_alone(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    let mut other = subject.machine();
    machine.create().await?;
    other.create().await?;
    // Another run of the kitchen has another run id.
    machine.cx.identity.run = unique();
    let labelled = machine.labelled().await?;
    let mut can = !labelled.is_empty();
    for orphan in labelled {
        let reclaimed = subject.driver.reclaim(&machine.cx, &orphan).await;
        can &= reclaimed.during("reclaim")?;
        if can {
            let again = subject.driver.reclaim(&machine.cx, &orphan).await;
            again.during("reclaim what is gone")?;
        }
    }
    if can {
        machine.expect_gone("after all was reclaimed").await?;
    }
    other
        .expect_status(Status::Running, "while another's things were reclaimed")
        .await?;
    machine.destroy().await?;
    other.destroy().await?;
    other.expect_gone("after destroy").await
}

async fn create_twice(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    machine.create().await?;
    let first = machine.state.values().clone();
    let labelled = machine.labelled().await?.len();
    leave_mark(&machine).await?;
    machine.create().await?;
    expect_eq("the state", machine.state.values(), &first)?;
    expect_eq(
        "labelled resources",
        machine.labelled().await?.len(),
        labelled,
    )?;
    find_mark(&machine).await?;
    machine.destroy().await?;
    machine.expect_gone("after destroy").await
}

/// Leaves a file on the machine, so that a machine made anew is told from an adopted one.
async fn leave_mark(machine: &Machine<'_>) -> Outcome {
    mark(machine, "echo here > /tmp/$MARK").await
}

async fn find_mark(machine: &Machine<'_>) -> Outcome {
    mark(machine, "cat /tmp/$MARK && rm /tmp/$MARK").await
}

async fn mark(machine: &Machine<'_>, command: &str) -> Outcome {
    let name = format!("conformance-{}", machine.cx.identity.project);
    let mut exec = Exec::new(command);
    exec.environment.insert("MARK".into(), name);
    let connection = machine.connect().await?;
    let status = connection.exec(&exec, &crate::Discard).await;
    expect_eq(command, status.during("exec")?.0, 0)
}

async fn create_finishes(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    cut_at_checkpoint(subject, &mut machine, 0).await;
    machine.state = crate::State::new(machine.store.on_disk(), machine.store.clone());
    machine.create().await?;
    machine
        .expect_status(Status::Running, "after the second create")
        .await?;
    machine.destroy().await?;
    machine.expect_gone("after destroy").await
}

async fn intent_first(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    machine.store.refuse();
    let created = machine.create().await;
    expect(
        created.is_err(),
        "create to fail where its state cannot be written",
    )?;
    machine.state = crate::State::in_memory();
    machine.expect_gone("where nothing could be noted").await
}

async fn destroy_nothing(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    machine.destroy().await?;
    machine.expect_gone("after destroy").await
}

async fn destroy_twice(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    machine.create().await?;
    let values = machine.state.values().clone();
    machine.destroy().await?;
    machine.destroy().await?;
    machine.destroy_from(values).await?;
    machine.expect_gone("after the third destroy").await
}

/// The kitchen dies once a checkpoint is on disk (the rest of create never happens), or after all
/// of create with only that checkpoint on disk.
async fn every_checkpoint(subject: &Subject) -> Outcome {
    let mut number = 0;
    loop {
        let mut machine = subject.machine();
        let cut = cut_at_checkpoint(subject, &mut machine, number).await;
        let values = machine.store.on_disk();
        machine.destroy_from(values).await?;
        let when = format!("after a crash at checkpoint {number}");
        machine.expect_gone(&when).await?;
        if !cut {
            return expect(number > 0, "create to make checkpoints");
        }
        let mut machine = subject.machine();
        machine.create().await?;
        let values = machine.store.checkpoints().swap_remove(number);
        machine.destroy_from(values).await?;
        let when = format!("after a destroy that knew checkpoint {number}");
        machine.expect_gone(&when).await?;
        number += 1;
    }
}

/// Creates until checkpoint `number` is on disk, then drops the call; false where create ended
/// before.
async fn cut_at_checkpoint(subject: &Subject, machine: &mut Machine<'_>, number: usize) -> bool {
    let reached = machine.store.reached(number);
    tokio::select! {
        biased;
        () = reached.notified() => true,
        _ = subject.driver.create(&machine.cx, &mut machine.state) => {
            machine.store.checkpoints().len() > number
        }
    }
}

async fn empty_state(subject: &Subject) -> Outcome {
    let mut machine = subject.machine();
    machine.create().await?;
    // Another run of the kitchen has another run id.
    machine.cx.identity.run = unique();
    machine.destroy_from(serde_json::Map::new()).await?;
    machine.expect_gone("after a destroy by labels").await
}

async fn cut_create(subject: &Subject) -> Outcome {
    for polls in CUTS {
        let mut machine = subject.machine();
        let create = subject.driver.create(&machine.cx, &mut machine.state);
        let ended = poll_at_most(create, polls).await;
        let values = machine.store.on_disk();
        machine.destroy_from(values).await?;
        let when = format!("after a create cut off at poll {polls}");
        machine.expect_gone(&when).await?;
        if ended.is_some() {
            break;
        }
    }
    Ok(())
}

/// Polls `work` up to `limit` times, then drops it.
async fn poll_at_most<T>(work: impl Future<Output = T>, limit: usize) -> Option<T> {
    let mut work = pin!(work);
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        if polls == limit {
            return Poll::Ready(None);
        }
        polls += 1;
        work.as_mut().poll(cx).map(Some)
    })
    .await
}

async fn projects_apart(subject: &Subject) -> Outcome {
    let mut ours = subject.machine();
    let mut theirs = subject.machine();
    let (one, two) = tokio::join!(ours.create(), theirs.create());
    one?;
    two?;
    ours.destroy_from(serde_json::Map::new()).await?;
    ours.expect_gone("after destroy").await?;
    theirs
        .expect_status(Status::Running, "while another project's went")
        .await?;
    theirs.destroy().await?;
    theirs.expect_gone("after destroy").await
}

async fn cluster_dissolves(subject: &Subject) -> Outcome {
    let project = unique();
    let mut one = subject.machine_of(&project, Some("pair"), "one");
    let mut two = subject.machine_of(&project, Some("pair"), "two");
    let peers = peers_of(&[&one, &two], subject);
    for machine in [&mut one, &mut two] {
        let told = subject
            .driver
            .gossip(&machine.cx, &peers, &mut machine.state)
            .await;
        told.during("gossip")?;
    }
    let (first, second) = tokio::join!(one.create(), two.create());
    first?;
    second?;
    one.destroy().await?;
    two.expect_status(Status::Running, "while its peer went")
        .await?;
    two.destroy().await?;
    for _ in 0..2 {
        subject.driver.dissolve(&two.cx).await.during("dissolve")?;
    }
    two.expect_gone("after dissolve").await
}

fn peers_of(machines: &[&Machine<'_>], subject: &Subject) -> Peers {
    let peer = |machine: &&Machine<'_>| Peer {
        suite: machine.cx.identity.suite.clone(),
        instance: machine.cx.identity.instance.clone(),
        platform: machine.cx.identity.platform.clone(),
        driver: subject.driver.info().name.into(),
        ..Peer::default()
    };
    Peers(machines.iter().map(peer).collect())
}

async fn power(subject: &Subject) -> Outcome {
    let can = subject.driver.capabilities().power;
    let mut machine = subject.machine();
    machine.create().await?;
    for (action, after) in [
        (Power::Stop, Status::Stopped),
        (Power::Start, Status::Running),
        (Power::Kill, Status::Stopped),
        (Power::Start, Status::Running),
        (Power::Reboot, Status::Running),
        (Power::Pause, Status::Paused),
        (Power::Resume, Status::Running),
    ] {
        let done = subject
            .driver
            .power(&machine.cx, &mut machine.state, action)
            .await;
        let lacks = subject.driver.lacks_power(&machine.cx, action);
        if can.contains(&action) && lacks.is_none() {
            done.during(&format!("{action:?}"))?;
            machine
                .expect_status(after, &format!("after {action:?}"))
                .await?;
        } else {
            let kind = done.err().map(|error| error.kind);
            expect_eq(
                "the error of a power action it cannot",
                kind,
                Some(ErrorKind::Unsupported),
            )?;
        }
    }
    machine.destroy().await?;
    machine.expect_gone("after destroy").await
}
