//! Links of members that are cut, lossy and whole again, by both ways that lead to them.

use std::net::IpAddr;
use std::sync::Arc;

use banquet_sandbox::{SandboxDriver, SandboxTransport};
use banquet_sdk::{
    Capabilities, Context, Driver, Links, PluginInfo, Result, Section, State, Status, async_trait,
};

use super::support::{Machine, Project, create_all, destroy_all, helper, project};

/// Whether `from` gets an answer of `to`: that nothing listens there.
async fn reaches(project: &Project, from: &Machine, to: &Machine) -> bool {
    let address = to.state.address().unwrap();
    let connect = format!("timeout 1 bash -c '</dev/tcp/{address}/9'");
    let (_, _, err) = project.run(from, &connect).await;
    err.contains("refused")
}

async fn cut_and_heal(project: &Project, driver: &dyn Driver) {
    let mut members: Vec<Machine> = ["a", "b", "c"]
        .map(|suite| project.machine(Some("links"), suite))
        .into();
    create_all(&project.driver, &mut members).await;
    let address: IpAddr = members[1].state.address().unwrap().parse().unwrap();
    let broken = [
        Links {
            cut: vec![address],
            ..Links::default()
        },
        Links {
            peers: vec![address],
            drop: Some(100.0),
            ..Links::default()
        },
    ];
    for links in broken {
        // A second time changes nothing, and what healing leaves is what was there before.
        for wanted in [&links, &links, &Links::default(), &Links::default()] {
            let a = &mut members[0];
            a.cx.transport = Some((
                Arc::new(SandboxTransport::new(helper())),
                Arc::new(Section::default()),
            ));
            driver.links(&a.cx, &mut a.state, wanted).await.unwrap();
            let whole = wanted.are_whole();
            let [a, b, c] = &members[..] else {
                panic!("three members");
            };
            assert_eq!(reaches(project, a, b).await, whole, "{wanted:?}");
            assert_eq!(reaches(project, b, a).await, whole, "{wanted:?}");
            assert!(reaches(project, a, c).await, "{wanted:?}");
        }
    }
    destroy_all(&project.driver, &mut members).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_cut_from_the_workstation_and_healed() {
    if let Some(project) = project().await {
        cut_and_heal(&project, &project.driver).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_cut_over_the_transport_and_healed() {
    if let Some(project) = project().await {
        let driver = Elsewhere(SandboxDriver::new(helper()));
        cut_and_heal(&project, &driver).await;
    }
}

/// A driver into whose machines' networks no words of the workstation lead.
struct Elsewhere(SandboxDriver);

#[async_trait]
impl Driver for Elsewhere {
    fn info(&self) -> PluginInfo {
        self.0.info()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        self.0.create(cx, state).await
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        self.0.destroy(cx, state).await
    }

    async fn status(&self, cx: &Context, state: &State) -> Result<Status> {
        self.0.status(cx, state).await
    }
}
