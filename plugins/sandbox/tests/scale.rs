//! Many instances at once: they are all whole, small, and gone afterwards. Times are printed.
#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeSet;
use std::time::Instant;

use support::{Machine, create_all, destroy_all, project};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_of_3_and_of_50() {
    let Some(project) = project().await else {
        return;
    };
    for count in [3, 50] {
        let cluster = format!("c{count}");
        let mut members: Vec<Machine> = (0..count)
            .map(|number| project.machine(Some(&cluster), &format!("m{number}")))
            .collect();
        let started = Instant::now();
        create_all(&project.driver, &mut members).await;
        let created = started.elapsed();
        let helpers = project.helpers();
        assert_eq!(helpers.len(), count + 1);
        let largest = helpers.iter().map(|(pid, _)| resident(*pid)).max();
        let own = helpers.iter().map(|(pid, _)| private(*pid)).sum::<u64>() / count as u64;
        let addresses: BTreeSet<_> = members
            .iter()
            .map(|member| member.state.address().unwrap())
            .collect();
        assert_eq!(addresses.len(), count);
        for member in [&members[0], &members[count - 1]] {
            let name = project.out(member, "hostname").await;
            assert_eq!(name, member.cx.identity.instance);
        }
        let started = Instant::now();
        destroy_all(&project.driver, &mut members).await;
        let destroyed = started.elapsed();
        println!(
            "{count} instances: created in {created:?}, destroyed in {destroyed:?}, \
             largest process {largest:?} KiB resident, {own} KiB private each"
        );
        assert!(largest.unwrap() < 16 * 1024, "an instance must stay small");
    }
}

fn resident(pid: u32) -> u64 {
    field(&format!("/proc/{pid}/status"), &["VmRSS:"])
}

fn private(pid: u32) -> u64 {
    field(
        &format!("/proc/{pid}/smaps_rollup"),
        &["Private_Dirty:", "Private_Clean:"],
    )
}

/// Sum of fields in KiB.
fn field(path: &str, names: &[&str]) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter(|line| names.iter().any(|name| line.starts_with(name)))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum()
}
