//! The transport's promises, each as a ratio to OpenSSH's own tools in the same run, against one
//! sshd on loopback: `cargo bench -p banquet-ssh`. Fails where a promise is not kept.

#[path = "../tests/ssh/server.rs"]
#[allow(dead_code)]
mod server;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use banquet_sdk::{Exec, Line, Output, State, Transport, async_trait};
use banquet_ssh::Ssh;
use server::{Sshd, context, user};

const ROUNDS: usize = 5;

fn main() {
    let Some(sshd) = Sshd::start() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let kept = runtime.block_on(all(&sshd));
    assert!(kept, "a promise is not kept");
}

async fn all(sshd: &Sshd) -> bool {
    let cx = context(sshd.settings(), sshd.directory.path());
    let ssh = Ssh::default();
    let connection = ssh.connect(&cx, &State::in_memory()).await.unwrap();
    let connection = connection.as_ref();
    let master = Master::start(sshd);
    let mut kept = true;
    let mut promise = |what: &str, ours: Duration, theirs: Duration, limit: f64| {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        let verdict = if ratio <= limit { "kept" } else { "NOT KEPT" };
        println!("{what}: {ours:.1?} to {theirs:.1?}: {ratio:.2} (at most {limit}) {verdict}");
        kept &= ratio <= limit;
    };

    let ours = best_async(async |_| {
        for _ in 0..20 {
            connection
                .exec(&Exec::new("true"), &Bytes::default())
                .await
                .unwrap();
        }
    })
    .await;
    let theirs = best(|_| (0..20).for_each(|_| master.run("true", Stdio::null())));
    promise("20 commands, ssh with ControlMaster", ours, theirs, 1.3);

    let line = "x".repeat(99);
    let much = format!("yes {line} | head -n 1048576");
    let before = memory();
    let ours = best_async(async |_| {
        let bytes = Bytes::default();
        connection.exec(&Exec::new(&much), &bytes).await.unwrap();
        assert_eq!(bytes.0.load(Relaxed), 104_857_600);
    })
    .await;
    println!(
        "100 MB of output: {} KB more memory at the peak",
        memory().saturating_sub(before)
    );
    let theirs = best(|_| master.run(&much, Stdio::null()));
    promise("100 MB of output, ssh", ours, theirs, 1.0 / 0.7);

    let tree = sshd.path("tree");
    make_tree(&tree);
    let remote = |kind: &str, round| format!("{}/{kind}{round}", sshd.path("remote").display());
    let ours = best_async(async |round| {
        let remote = remote("ours", round);
        connection.upload(&[&tree], &remote).await.unwrap();
    })
    .await;
    let theirs = best(|round| master.tar(&tree, &remote("theirs", round)));
    promise(
        "upload of 10,000 files, tar cz | ssh tar xz",
        ours,
        theirs,
        1.2,
    );
    let again = best_async(async |round| {
        fs::write(tree.join("d0/f0"), format!("changed {round}")).unwrap();
        connection
            .upload(&[&tree], &remote("ours", 0))
            .await
            .unwrap();
    })
    .await;
    promise(
        "the same again with one changed, the first",
        again,
        ours,
        0.1,
    );
    kept
}

/// Counts what passes.
#[derive(Default)]
struct Bytes(AtomicUsize);

#[async_trait]
impl Output for Bytes {
    async fn line(&self, line: Line) {
        self.0.fetch_add(line.text.len() + 1, Relaxed);
    }
}

fn best(mut work: impl FnMut(usize)) -> Duration {
    let time = |round| {
        let started = Instant::now();
        work(round);
        started.elapsed()
    };
    (0..ROUNDS).map(time).min().unwrap_or_default()
}

async fn best_async(mut work: impl AsyncFnMut(usize)) -> Duration {
    let mut best = Duration::MAX;
    for round in 0..ROUNDS {
        let started = Instant::now();
        work(round).await;
        best = best.min(started.elapsed());
    }
    best
}

/// 10,000 files of 1 KB that do not compress.
fn make_tree(tree: &Path) {
    let mut seed = 1_u64;
    for directory in 0..100 {
        let directory = tree.join(format!("d{directory}"));
        fs::create_dir_all(&directory).unwrap();
        for file in 0..100 {
            let noise = std::iter::repeat_with(|| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed.to_le_bytes()[3]
            });
            let bytes: Vec<u8> = noise.take(1024).collect();
            fs::write(directory.join(format!("f{file}")), bytes).unwrap();
        }
    }
}

/// The most memory this process had, in KB; 0 where the system does not tell.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

/// OpenSSH with a kept connection.
struct Master {
    arguments: Vec<String>,
}

impl Master {
    fn start(sshd: &Sshd) -> Self {
        let option = |text: String| ["-o".to_owned(), text];
        let mut arguments: Vec<String> = [
            option("UserKnownHostsFile=/dev/null".into()),
            option("StrictHostKeyChecking=no".into()),
            option("LogLevel=ERROR".into()),
            option(format!("ControlPath={}", sshd.path("control").display())),
        ]
        .concat();
        arguments.extend(["-F".into(), "none".into(), "-i".into()]);
        arguments.push(sshd.path("id").display().to_string());
        arguments.extend(["-p".into(), sshd.port.to_string()]);
        arguments.push(format!("{}@127.0.0.1", user()));
        let started = Command::new("ssh")
            .args(["-M", "-N", "-f"])
            .args(&arguments)
            .status();
        assert!(started.unwrap().success());
        Self { arguments }
    }

    fn run(&self, command: &str, input: Stdio) {
        let mut ssh = Command::new("ssh");
        ssh.args(&self.arguments)
            .arg(command)
            .stdin(input)
            .stdout(Stdio::piped());
        let mut child = ssh.spawn().unwrap();
        let out = child.stdout.take();
        std::io::copy(&mut out.unwrap(), &mut std::io::sink()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    fn tar(&self, tree: &Path, remote: &str) {
        let mut tar = Command::new("tar");
        tar.args(["-cz", "-C"])
            .arg(tree)
            .arg(".")
            .stdout(Stdio::piped());
        let mut packing = tar.spawn().unwrap();
        let archive = packing.stdout.take().unwrap();
        self.run(
            &format!("mkdir -p {remote} && tar -xz -C {remote}"),
            archive.into(),
        );
        assert!(packing.wait().unwrap().success());
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = Command::new("ssh")
            .args(["-O", "exit"])
            .args(&self.arguments)
            .output();
    }
}
