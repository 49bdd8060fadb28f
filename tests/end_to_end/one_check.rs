//! A property of verdicts: in whatever cluster, one check that must fail turns the run red and is named.
#![cfg(unix)]

use crate::support::Project;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A check, by its kind, or a block of several.
#[derive(Clone, Debug)]
enum Node {
    Check(u8),
    Block(u8, Vec<Node>),
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let check = (0_u8..5).prop_map(Node::Check);
    let node = check.prop_recursive(2, 8, 3, |inner| {
        let inside = prop::collection::vec(inner, 1..3);
        (0_u8..3, inside).prop_map(|(kind, inside)| Node::Block(kind, inside))
    });
    prop::collection::vec(node, 1..4)
}

/// The step of `node`; checks are numbered as they come, and that with number `wrong` must fail.
fn step(node: &Node, number: &mut usize, wrong: Option<usize>) -> Value {
    let (kind, inside) = match node {
        Node::Block(kind, inside) => (kind, inside),
        Node::Check(kind) => {
            *number += 1;
            let fails = wrong == Some(*number);
            let (name, command) = (
                format!("check-{number}-"),
                if fails { "false" } else { "true" },
            );
            return match kind {
                0 => json!({"step": "verify a", "name": name, "verifier": {"fail": fails}}),
                1 => json!({"step": "exec a", "name": name, "command": command}),
                2 => json!({"step": "run", "name": name, "command": command}),
                3 => {
                    let timeout = if fails { "100ms" } else { "60s" };
                    json!({"step": "wait a", "name": name, "command": command, "timeout": timeout})
                }
                _ => {
                    json!({"name": name, "heartbeat": {"exec": command, "count": 1, "timeout": "60s"}})
                }
            };
        }
    };
    let inside: Vec<Value> = inside.iter().map(|it| step(it, number, wrong)).collect();
    match kind {
        0 => json!({"concurrent": inside}),
        1 => json!({"steps": inside}),
        _ => json!({"during": {"step": "run", "command": "true"}, "steps": inside}),
    }
}

/// The cluster of these nodes, and how many checks it has.
fn cluster(nodes: &[Node], wrong: Option<usize>) -> (Project, usize) {
    let mut number = 0;
    let mut steps = vec![json!("converge a")];
    steps.extend(nodes.iter().map(|it| step(it, &mut number, wrong)));
    let config = json!({
        "driver": "exec", "transport": "exec", "provisioner": "dummy", "verifier": "dummy",
        "platforms": [{"name": "host"}], "suites": [{"name": "a"}],
        "multisuites": [{"name": "one", "steps": steps}],
    });
    (
        Project::new().file("kitchen.yml", &config.to_string()),
        number,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_check_that_must_fail_turns_the_run_red_and_is_named(nodes in nodes(), pick in any::<prop::sample::Index>()) {
        let (green, checks) = cluster(&nodes, None);
        green.kitchen("test").succeeds();
        let wrong = pick.index(checks) + 1;
        let (red, _) = cluster(&nodes, Some(wrong));
        let ran = red.kitchen("test");
        let name = format!("check-{wrong}-");
        let told = |line: &str| line.contains(&name) && line.to_lowercase().contains("failed");
        prop_assert_ne!(ran.code, Some(0), "{}", ran.transcript());
        prop_assert!(ran.transcript().lines().any(told), "{name}: {}", ran.transcript());
    }
}
