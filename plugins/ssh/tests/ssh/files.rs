//! What the suite of the SDK does not ask of uploads and commands.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use banquet_sdk::conformance::requires;
use banquet_sdk::{Context, Exec, State, Transport};
use banquet_ssh::Ssh;

use crate::server::{Sshd, answer, context, user};

/// Changes with every write of a file.
fn written(path: &std::path::Path) -> (i64, i64, u64) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.ctime(), metadata.ctime_nsec(), metadata.ino())
}

fn cx(sshd: &Sshd) -> Context {
    context(sshd.settings(), sshd.directory.path())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_sent_again_also_by_the_next_kitchen() {
    let Some(sshd) = Sshd::start() else { return };
    let tree = sshd.path("tree");
    fs::create_dir(&tree).unwrap();
    for i in 0..300 {
        fs::write(tree.join(format!("file {i}")), format!("{i}")).unwrap();
    }
    let remote = sshd.path("remote");
    let at = |i: usize| written(&remote.join(format!("tree/file {i}")));
    let cx = cx(&sshd);
    let send = async || {
        let connection = Ssh::default()
            .connect(&cx, &State::in_memory())
            .await
            .unwrap();
        connection
            .upload(&[&tree], remote.to_str().unwrap())
            .await
            .unwrap();
    };
    send().await;
    let before: Vec<_> = (0..300).map(at).collect();
    fs::write(tree.join("file 7"), "seven").unwrap();
    // The same content once more is no change.
    fs::write(tree.join("file 8"), "8").unwrap();
    send().await;
    let after: Vec<_> = (0..300).map(at).collect();
    let changed: Vec<usize> = (0..300).filter(|i| before[*i] != after[*i]).collect();
    assert_eq!(changed, [7]);
    assert_eq!(
        fs::read_to_string(remote.join("tree/file 7")).unwrap(),
        "seven"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_over_there_is_sent_again() {
    let Some(sshd) = Sshd::start() else { return };
    let file = sshd.path("file");
    fs::write(&file, "content").unwrap();
    let remote = sshd.path("remote");
    let connection = Ssh::default()
        .connect(&cx(&sshd), &State::in_memory())
        .await
        .unwrap();
    for _ in 0..2 {
        connection
            .upload(&[&file], remote.to_str().unwrap())
            .await
            .unwrap();
        assert_eq!(fs::read_to_string(remote.join("file")).unwrap(), "content");
        fs::remove_dir_all(&remote).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_as_another_user() {
    let Some(sshd) = Sshd::start() else { return };
    let root = match user().as_str() {
        "root" => Ok(()),
        other => Err(format!("the tests run as {other}")),
    };
    if !requires("root", root) {
        return;
    }
    let connection = Ssh::default()
        .connect(&cx(&sshd), &State::in_memory())
        .await
        .unwrap();
    let mut exec =
        Exec::new("printf \"$(id -un) $V\"").env(&BTreeMap::from([("V".into(), "a b".into())]));
    exec.user = Some("nobody".into());
    let text = banquet_sdk::process::Collect::default();
    assert_eq!(connection.exec(&exec, &text).await.unwrap().0, 0);
    assert_eq!(text.into_parts().0, "nobody a b\n");
}

/// Commands of which nobody hears any more keep their sessions until they have ended: others wait
/// for them.
#[tokio::test(flavor = "multi_thread")]
async fn commands_that_were_given_up_leave_sessions_for_others() {
    let Some(sshd) = Sshd::with("MaxSessions 3") else {
        return;
    };
    let settings = sshd.settings_with(serde_json::json!({"max_ssh_sessions": 2}));
    let cx = context(settings, sshd.directory.path());
    let connection = Ssh::default()
        .connect(&cx, &State::in_memory())
        .await
        .unwrap();
    let connection = connection.as_ref();
    for round in 0..20 {
        let give_up = || async {
            let sleep = Exec::new("sleep 600");
            let sleeping = connection.exec(&sleep, &banquet_sdk::Discard);
            let _ = tokio::time::timeout(Duration::from_millis(50), sleeping).await;
        };
        tokio::join!(give_up(), give_up(), give_up(), give_up());
        let round = round.to_string();
        assert_eq!(answer(connection, &format!("echo {round}")).await, round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_commands_than_sessions_wait_for_each_other() {
    let Some(sshd) = Sshd::with("MaxSessions 3") else {
        return;
    };
    let settings = sshd.settings_with(serde_json::json!({"max_ssh_sessions": 2}));
    let cx = context(settings, sshd.directory.path());
    let connection = Ssh::default()
        .connect(&cx, &State::in_memory())
        .await
        .unwrap();
    let connection = connection.as_ref();
    let all = (0..12).map(|i| async move { answer(connection, &format!("echo {i}")).await });
    let mut set = Vec::new();
    for one in all {
        set.push(Box::pin(one));
    }
    let (a, b, c) = {
        let mut three = set.into_iter();
        let (a, b, c) = (three.next(), three.next(), three.next());
        tokio::join!(a.unwrap(), b.unwrap(), c.unwrap())
    };
    assert_eq!([a, b, c], ["0", "1", "2"]);
}
