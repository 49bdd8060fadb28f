//! A command that prints 200 MB leaves the memory of this process flat. Alone in its file: the
//! peak is the whole process's.
#![cfg(target_os = "linux")]

#[path = "all/support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicU64, Ordering};

use banquet_sdk::{Exec, ExitStatus, Line, Output, async_trait};
use serde_json::json;

const BYTES: u64 = 200_000_000;
const MOST_KIB: u64 = 64 * 1024;

#[derive(Default)]
struct Count(AtomicU64);

#[async_trait]
impl Output for Count {
    async fn line(&self, line: Line) {
        let bytes = line.text.len() as u64 + 1;
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let size = line.unwrap().split_whitespace().nth(1).unwrap();
    size.parse().unwrap()
}

#[tokio::test]
async fn much_output_is_complete_and_memory_stays_flat() {
    if !support::docker().await {
        return;
    }
    let project = support::Project::new();
    let mut machine = project.machine("web", json!({}));
    machine.create().await.unwrap();
    let counted = Count::default();
    let exec = Exec::new(format!("yes a line of some length | head -c {BYTES}"));
    let status = machine.connect().await.exec(&exec, &counted).await.unwrap();
    machine.destroy().await;
    assert_eq!(status, ExitStatus(0));
    let counted = counted.0.into_inner();
    // The last line may be cut off, and so has no end of its own.
    assert!(counted.abs_diff(BYTES) <= 1, "{counted}");
    assert!(peak_kib() < MOST_KIB, "{} KiB", peak_kib());
}
