//! A command that prints 200 MB leaves the memory of this process flat. Alone in its file: the
//! peak is the whole process's.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicU64, Ordering};

use banquet_exec::transport::Exec;
use banquet_sdk::{
    Context, Exec as Request, Identity, Line, Output, Section, State, Transport, async_trait,
};

const LINES: u64 = 200_000;
const MOST_KIB: u64 = 64 * 1024;

#[derive(Default)]
struct Count(AtomicU64);

#[async_trait]
impl Output for Count {
    async fn line(&self, line: Line) {
        self.0
            .fetch_add(line.text.len() as u64 + 1, Ordering::Relaxed);
    }
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let size = line.unwrap().split_whitespace().nth(1).unwrap();
    size.parse().unwrap()
}

#[tokio::test]
async fn two_hundred_megabytes_pass_through() {
    let root = tempfile::tempdir().unwrap();
    let identity = Identity {
        project: "project".into(),
        cluster: None,
        instance: "default-here".into(),
        suite: "default".into(),
        platform: "here".into(),
        run: "run".into(),
    };
    let cx = Context::for_tests(identity, root.path().into(), Section::default());
    let connection = Exec.connect(&cx, &State::in_memory()).await.unwrap();
    let line = "x".repeat(999);
    let script = Request::new(format!("yes {line} | head -n {LINES}"));
    let count = Count::default();
    let status = connection.exec(&script, &count).await.unwrap();
    assert!(status.success());
    assert_eq!(count.0.into_inner(), LINES * 1000);
    assert!(peak_kib() < MOST_KIB, "peak of {} KiB", peak_kib());
}
