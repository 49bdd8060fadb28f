//! Machines that the configuration does not make so any more: its driver, its cluster, or the whole
//! instance is another one. They are removed as they were made.

use std::collections::BTreeSet;
use std::sync::Arc;

use banquet_sdk::Section;

use crate::matrix::{Cluster, Instance, Matrix, PluginUse, Plugins, SelectError, Selection};
use crate::state::{ClusterRecord, Maker, Project, is_state};

/// What there is a state or a record of and the configuration does not have.
#[derive(Clone, Debug, Default)]
pub struct Strays {
    /// Clusters, with those of their members that there is a state of.
    pub clusters: Vec<Arc<Cluster>>,
    /// Instances of no cluster, and of clusters that the configuration has.
    pub instances: Vec<Arc<Instance>>,
    /// Names of instances whose states do not say which driver made them.
    pub unknown: Vec<String>,
}

/// `instance` as `maker` made it, if that differs from the configuration: with the driver, and in
/// the cluster, that its state notes. What the driver needs to find the machine its state says.
pub fn as_made(
    instance: &Arc<Instance>,
    maker: Option<Maker>,
    plugins: &dyn Plugins,
) -> Option<Arc<Instance>> {
    let maker = maker?;
    let mut made = Instance::clone(instance);
    if maker.driver != instance.driver.name {
        made.driver = plain(&maker.driver);
        if let Some(transport) = plugins.own_transport(&maker.driver) {
            made.transport = plain(&transport);
        }
    }
    if maker.cluster.is_some() {
        made.cluster = maker.cluster;
    }
    let differs = made.driver.name != instance.driver.name || made.cluster != instance.cluster;
    differs.then(|| Arc::new(made))
}

/// Why a command that does not remove the machine of `instance` must leave it alone, and what helps.
pub fn made_otherwise(instance: &Instance, made: &Instance) -> (String, [String; 2]) {
    let name = &instance.name;
    let (was, is) = match made.driver.name == instance.driver.name {
        false => {
            let driver = |it: &Instance| format!("driver {}", it.driver.name);
            (driver(made), driver(instance))
        }
        true => {
            let cluster = |it: &Instance| match &it.cluster {
                Some(cluster) => format!("cluster {cluster}"),
                None => "no cluster".into(),
            };
            (cluster(made), cluster(instance))
        }
    };
    let by = match made.driver.name == instance.driver.name {
        false => "was made by",
        true => "was made as a member of",
    };
    (
        format!("{name} {by} {was}, and the configuration has {is} now"),
        [
            format!("`kitchen destroy {name}` removes it as it was made."),
            format!("Or give the configuration {was} again."),
        ],
    )
}

fn plain(name: &str) -> PluginUse {
    PluginUse {
        name: name.into(),
        named: true,
        section: Section::default().into(),
    }
}

impl Strays {
    /// Reads the states and records that `matrix` does not have. Those of another configuration that
    /// is there, as `KITCHEN_YAML` chose it, are no strays.
    pub fn of(project: &Project, matrix: &Matrix, plugins: &dyn Plugins) -> Self {
        let mut strays = Self::default();
        let configured: BTreeSet<&String> = matrix.instances.iter().map(|it| &it.name).collect();
        let clusters: BTreeSet<&String> = matrix.clusters.iter().map(|it| &it.name).collect();
        let mut gone: Vec<Cluster> = Vec::new();
        let mut anothers = BTreeSet::new();
        for name in ClusterRecord::names(&project.kitchen()) {
            if !clusters.contains(&name) {
                gone.push(cluster(&name));
            }
        }
        for (name, file) in project.state_files().unwrap_or_default() {
            let Some(values) = file.read().ok().filter(is_state) else {
                continue;
            };
            let maker = Maker::of(&values);
            if let Some(maker) = &maker
                && project.is_anothers(maker.file.as_deref())
            {
                anothers.extend(maker.cluster.clone());
                continue;
            }
            let of = maker.as_ref().and_then(|it| it.cluster.clone());
            let of = of.filter(|it| !clusters.contains(it));
            if configured.contains(&name) && of.is_none() {
                continue;
            }
            let Some(maker) = maker else {
                strays.unknown.push(name);
                continue;
            };
            let instance = Arc::new(instance(name, maker, plugins));
            match of {
                None => strays.instances.push(instance),
                Some(of) => {
                    if !gone.iter().any(|it| it.name == of) {
                        gone.push(cluster(&of));
                    }
                    if let Some(gone) = gone.iter_mut().find(|it| it.name == of) {
                        gone.platform.clone_from(&instance.platform);
                        gone.members.push(instance);
                    }
                }
            }
        }
        gone.retain(|it| !it.members.is_empty() || !anothers.contains(&it.name));
        strays.clusters = gone.into_iter().map(Arc::new).collect();
        strays
    }

    /// Whether the configuration has everything that there is.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty() && self.instances.is_empty() && self.unknown.is_empty()
    }

    /// Every instance, those of clusters as well.
    pub fn members(&self) -> impl Iterator<Item = &Arc<Instance>> {
        let clusters = self.clusters.iter().flat_map(|it| &it.members);
        clusters.chain(&self.instances)
    }

    /// Those that were made as members of `cluster`, which the configuration has.
    pub fn members_of(&self, cluster: &str) -> impl Iterator<Item = &Arc<Instance>> {
        let of = move |it: &&Arc<Instance>| it.cluster.as_deref() == Some(cluster);
        self.instances.iter().filter(of)
    }

    /// What a name means of them, as in [`Matrix::select`]; everything is both clusters and
    /// instances. Members of clusters that the configuration has are removed with these.
    pub fn select(&self, name: Option<&str>, matrix: &Matrix) -> Result<Selection, SelectError> {
        match name {
            None | Some("all") => {
                let mut instances = self.instances.clone();
                let has = |name: &String| matrix.clusters.iter().any(|it| it.name == *name);
                instances.retain(|it| !it.cluster.as_ref().is_some_and(has));
                Ok(Selection {
                    clusters: self.clusters.clone(),
                    instances,
                })
            }
            Some(pattern) => {
                let all = Matrix {
                    instances: self.members().cloned().collect(),
                    clusters: self.clusters.clone(),
                    ..Matrix::default()
                };
                all.select(Some(pattern))
            }
        }
    }

    /// What there is, for people: each with the driver that made it.
    pub fn told(&self) -> Vec<String> {
        let member = |it: &Arc<Instance>| format!("{} ({})", it.name, it.driver.name);
        let clusters = self.clusters.iter().map(|cluster| {
            let members: Vec<String> = cluster.members.iter().map(member).collect();
            match members.is_empty() {
                true => format!("cluster {}", cluster.name),
                false => format!("cluster {} with {}", cluster.name, members.join(", ")),
            }
        });
        let unknown = self.unknown.iter();
        clusters
            .chain(self.instances.iter().map(member))
            .chain(unknown.map(|name| format!("{name} (its state does not say by which driver)")))
            .collect()
    }
}

fn cluster(name: &str) -> Cluster {
    Cluster {
        name: name.into(),
        multisuite: name.into(),
        platform: String::new(),
        members: Vec::new(),
        steps: Vec::new(),
        settings: Arc::default(),
        origin: None,
        by_suite: Default::default(),
    }
}

fn instance(name: String, maker: Maker, plugins: &dyn Plugins) -> Instance {
    let transport = plugins.own_transport(&maker.driver);
    Instance {
        name,
        transport: plain(transport.as_deref().unwrap_or("ssh")),
        driver: plain(&maker.driver),
        provisioner: plain("dummy"),
        verifier: plain("dummy"),
        suite: maker.suite,
        platform: maker.platform,
        platform_type: Default::default(),
        roles: Vec::new(),
        lifecycle: Arc::default(),
        cluster: maker.cluster,
        origin: None,
    }
}
