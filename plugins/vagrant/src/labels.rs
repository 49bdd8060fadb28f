//! Names and labels: how a machine tells whose it is. The labels differ from those of the driver
//! `docker`, so that neither takes the other's containers for its own.

use std::collections::HashMap;

use banquet_sdk::Identity;
use banquet_sdk::outside::Claim;

const PREFIX: &str = "org.banquet.vagrant";

/// A name for a machine or a network, the same in one run and unique in the world.
pub fn name(base: &str, identity: &Identity) -> String {
    let clean: String = base
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let hash = hash(&[&identity.project, base, &identity.run]);
    let hash: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("banquet-{clean}-{hash}")
}

/// A hash of several texts.
pub fn hash(texts: &[&str]) -> [u8; 32] {
    *blake3::hash(texts.join("\n").as_bytes()).as_bytes()
}

/// Labels of a container, or with `shared` of what all members of its cluster share: keys and values.
pub fn of(identity: &Identity, shared: bool) -> Vec<(String, String)> {
    let cluster = identity.cluster.clone().unwrap_or_default();
    let mut labels = vec![
        ("project", identity.project.clone()),
        ("run", identity.run.clone()),
        ("cluster", cluster),
    ];
    if !shared {
        labels.extend([
            ("instance", identity.instance.clone()),
            ("suite", identity.suite.clone()),
            ("platform", identity.platform.clone()),
        ]);
    }
    let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
    labels
        .map(|(key, value)| (format!("{PREFIX}.{key}"), value))
        .collect()
}

/// Words of a list command of docker: what this program made through Vagrant.
pub fn any() -> Vec<String> {
    vec!["--filter".into(), format!("label={PREFIX}.project")]
}

/// Words of a list command of docker: the containers of this project and instance, of any run.
pub fn instance_filter(identity: &Identity) -> Vec<String> {
    filters(&[
        ("project", &identity.project),
        ("instance", &identity.instance),
    ])
}

/// Words of a list command of docker: the networks of this project's `cluster`, of any run.
pub fn cluster_filter(identity: &Identity, cluster: &str) -> Vec<String> {
    filters(&[("project", &identity.project), ("cluster", cluster)])
}

fn filters(labels: &[(&str, &str)]) -> Vec<String> {
    let filters = labels
        .iter()
        .map(|(key, value)| format!("label={PREFIX}.{key}={value}"));
    filters
        .flat_map(|filter| ["--filter".to_owned(), filter])
        .collect()
}

/// Whose a resource is; none where the labels are not this program's, or hold what it never
/// writes: anybody may label a container.
pub fn identity(labels: &HashMap<String, String>) -> Option<Identity> {
    let find = |key: &str| labels.get(&format!("{PREFIX}.{key}")).cloned();
    let get = |key: &str| find(key).unwrap_or_default();
    let claim = Claim {
        project: find("project")?,
        cluster: find("cluster"),
        instance: get("instance"),
        suite: get("suite"),
        platform: get("platform"),
        run: get("run"),
    };
    claim.identity().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::tests::in_cluster;

    #[test]
    fn labels_tell_whose_it_is() {
        let identity = in_cluster(banquet_sdk::Section::default()).identity;
        let labels: HashMap<_, _> = of(&identity, false).into_iter().collect();
        assert_eq!(super::identity(&labels), Some(identity.clone()));
        assert_eq!(super::identity(&HashMap::new()), None);
        let mut forged: HashMap<_, _> = of(&identity, false).into_iter().collect();
        forged.insert(format!("{PREFIX}.cluster"), "../../..".into());
        assert_eq!(super::identity(&forged), None);
        let shared: HashMap<_, _> = of(&identity, true).into_iter().collect();
        assert_eq!(super::identity(&shared).unwrap().instance, "");
        assert_eq!(
            instance_filter(&identity),
            [
                "--filter",
                "label=org.banquet.vagrant.project=p1",
                "--filter",
                "label=org.banquet.vagrant.instance=web-linux"
            ]
        );
    }

    #[test]
    fn names_differ_between_runs() {
        let mut identity = in_cluster(banquet_sdk::Section::default()).identity;
        let one = name("web-linux", &identity);
        assert!(one.starts_with("banquet-web-linux-"), "{one}");
        assert_eq!(one, name("web-linux", &identity));
        identity.run = "r2".into();
        assert_ne!(one, name("web-linux", &identity));
        assert!(name(&"ä".repeat(300), &identity).len() <= 63);
    }
}
