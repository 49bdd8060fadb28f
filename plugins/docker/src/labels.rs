//! Names and labels: how a resource tells whose it is.

use std::collections::HashMap;

use banquet_sdk::outside::Claim;
use banquet_sdk::{Identity, Peer};

const PROJECT: &str = "org.banquet.project";
const CLUSTER: &str = "org.banquet.cluster";
const INSTANCE: &str = "org.banquet.instance";
const SUITE: &str = "org.banquet.suite";
const PLATFORM: &str = "org.banquet.platform";
const RUN: &str = "org.banquet.run";
const ALL: [&str; 6] = [PROJECT, CLUSTER, INSTANCE, SUITE, PLATFORM, RUN];

/// Labels of an image are others than those of a container: one that somebody else makes from it
/// inherits them, and must not be taken for one of ours.
const IMAGE_PROJECT: &str = "org.banquet.image.project";
const IMAGE_PLATFORM: &str = "org.banquet.image.platform";
const IMAGE_SOURCE: &str = "org.banquet.image.source";
/// On finished images alone; the layer that brings it is the last.
pub const IMAGE_RECIPE: &str = "org.banquet.image.recipe";
const ALL_OF_IMAGES: [&str; 4] = [IMAGE_PROJECT, IMAGE_PLATFORM, IMAGE_SOURCE, IMAGE_RECIPE];

/// Longest name of a host, in bytes (RFC 1035).
const LONGEST_HOSTNAME: usize = 63;

/// Every label of a container of `identity`.
pub fn of_instance(identity: &Identity) -> HashMap<String, String> {
    let mut labels = of_cluster(identity);
    for (label, value) in [
        (INSTANCE, &identity.instance),
        (SUITE, &identity.suite),
        (PLATFORM, &identity.platform),
    ] {
        labels.insert(label.into(), value.clone());
    }
    labels
}

/// Labels of what all members of a cluster share.
pub fn of_cluster(identity: &Identity) -> HashMap<String, String> {
    let mut labels = HashMap::from([
        (PROJECT.to_owned(), identity.project.clone()),
        (RUN.to_owned(), identity.run.clone()),
    ]);
    if let Some(cluster) = &identity.cluster {
        labels.insert(CLUSTER.into(), cluster.clone());
    }
    labels
}

/// Where an image that this program built comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose it is.
    pub project: String,
    /// The platform that names its base; none where the settings do.
    pub platform: Option<String>,
    /// What the Dockerfile is: the same for images that may use each other's layers.
    pub source: String,
    /// What the settings ask for, whatever the files hold; none where the build has not ended.
    pub recipe: Option<String>,
}

/// Labels of an image that was built. Neither instance nor run is among them: they would make
/// another image of equal inputs.
pub fn of_image(origin: &Origin) -> HashMap<String, String> {
    let labels = [
        (IMAGE_PROJECT, Some(&origin.project)),
        (IMAGE_SOURCE, Some(&origin.source)),
        (IMAGE_PLATFORM, origin.platform.as_ref()),
        (IMAGE_RECIPE, origin.recipe.as_ref()),
    ];
    let labels = labels.into_iter();
    labels
        .filter_map(|(label, value)| Some((label.to_owned(), value?.clone())))
        .collect()
}

/// A line of a Dockerfile that labels what is made in a stage. It stands at the stage's beginning,
/// and does not change with what the lines below do: layers that are there would not be used again.
pub fn of_stage(origin: &Origin) -> String {
    let (project, source) = (&origin.project, &origin.source);
    format!("LABEL {IMAGE_PROJECT}=\"{project}\" {IMAGE_SOURCE}=\"{source}\"")
}

/// Lines of a Dockerfile that empty every label: what is made from a saved container is not ours.
pub fn emptied() -> String {
    let all = ALL.into_iter().chain(ALL_OF_IMAGES);
    let empty: Vec<String> = all.map(|label| format!("{label}=\"\"")).collect();
    format!("LABEL {}", empty.join(" "))
}

/// A filter for lists of the engine: the containers of this project and instance, of any run.
pub fn instance_filter(identity: &Identity) -> HashMap<String, Vec<String>> {
    filter(&[(PROJECT, &identity.project), (INSTANCE, &identity.instance)])
}

/// A filter for lists of the engine: what the members of `cluster` share.
pub fn cluster_filter(identity: &Identity, cluster: &str) -> HashMap<String, Vec<String>> {
    filter(&[(PROJECT, &identity.project), (CLUSTER, cluster)])
}

/// A filter for lists of the engine: containers and networks that this program made.
pub fn any_filter() -> HashMap<String, Vec<String>> {
    HashMap::from([("label".into(), vec![PROJECT.into()])])
}

/// A filter for lists of the engine: images that this program built.
pub fn any_image_filter() -> HashMap<String, Vec<String>> {
    HashMap::from([("label".into(), vec![IMAGE_PROJECT.into()])])
}

fn filter(labels: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    let labels = labels
        .iter()
        .map(|(label, value)| format!("{label}={value}"));
    HashMap::from([("label".into(), labels.collect())])
}

/// Whether labels say that a container was made by this program for this instance.
pub fn is_instance(labels: Option<&HashMap<String, String>>, identity: &Identity) -> bool {
    labels
        .and_then(|labels| labels.get(INSTANCE))
        .is_some_and(|instance| *instance == identity.instance)
}

/// Whose a resource is; none where the labels are not this program's, or hold what it never
/// writes: anybody may label a container.
pub fn identity(labels: &HashMap<String, String>) -> Option<Identity> {
    let get = |label: &str| labels.get(label).cloned().unwrap_or_default();
    let claim = Claim {
        project: get(PROJECT),
        cluster: labels.get(CLUSTER).cloned(),
        instance: get(INSTANCE),
        suite: get(SUITE),
        platform: get(PLATFORM),
        run: get(RUN),
    };
    claim.identity().ok()
}

/// Where an image comes from; none where the labels are not this program's.
pub fn origin(labels: &HashMap<String, String>) -> Option<Origin> {
    let get = |label: &str| labels.get(label).filter(|value| !value.is_empty()).cloned();
    let is_hash = |text: &String| text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
    let claim = Claim {
        project: get(IMAGE_PROJECT)?,
        platform: get(IMAGE_PLATFORM).unwrap_or_default(),
        ..Claim::default()
    };
    let identity = claim.identity().ok()?;
    Some(Origin {
        project: identity.project,
        platform: Some(identity.platform).filter(|platform| !platform.is_empty()),
        source: get(IMAGE_SOURCE).filter(is_hash)?,
        recipe: get(IMAGE_RECIPE).filter(is_hash),
    })
}

/// Whose an image is: the project's, for its instances share it.
pub fn of_project(origin: &Origin) -> Identity {
    Identity {
        project: origin.project.clone(),
        cluster: None,
        instance: String::new(),
        suite: String::new(),
        platform: origin.platform.clone().unwrap_or_default(),
        run: String::new(),
    }
}

/// Name of the container of an instance: the same for every call of one run, so that a crashed
/// call's container is found under it, and no other run's.
pub fn container_name(identity: &Identity) -> String {
    resource_name(&identity.instance, identity)
}

/// Name of the network of a cluster.
pub fn network_name(cluster: &str, identity: &Identity) -> String {
    resource_name(cluster, identity)
}

fn resource_name(base: &str, identity: &Identity) -> String {
    let unique = [&identity.project, base, &identity.run].join("\n");
    let hash = blake3::hash(unique.as_bytes()).to_hex();
    let base: String = clean(base).chars().take(40).collect();
    format!("banquet-{}-{}", base, &hash[..12])
}

/// `name` as a host name: letters, digits and hyphens, at most 63.
pub fn host_name(name: &str) -> String {
    let clean = clean(name);
    let cut: String = clean.chars().take(LONGEST_HOSTNAME).collect();
    cut.trim_matches('-').to_owned()
}

fn clean(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

/// Every name under which the other members of a cluster call this one.
pub fn aliases(identity: &Identity, host_name: &str, more: &[String]) -> Vec<String> {
    let peer = Peer {
        suite: identity.suite.clone(),
        instance: identity.instance.clone(),
        hostname: Some(host_name.to_owned()),
        ..Peer::default()
    };
    let mut names: Vec<String> = peer.names().into_iter().map(String::from).collect();
    for name in more {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The image that stands for a platform's name, by kitchen-docker's rule: `ubuntu-22.04` is
/// `ubuntu:22.04`, `centos-7.9` is `centos:centos7`.
pub fn default_image(platform: &str) -> String {
    let mut parts = platform.split('-');
    let name = parts.next().unwrap_or(platform);
    match parts.next() {
        Some(release) if name == "centos" => {
            format!(
                "centos:centos{}",
                release.split('.').next().unwrap_or(release)
            )
        }
        Some(release) => format!("{name}:{release}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone() -> Identity {
        Identity {
            project: "p1".into(),
            cluster: Some("web-centos-7".into()),
            instance: "web1-centos-7".into(),
            suite: "web1".into(),
            platform: "centos-7".into(),
            run: "r1".into(),
        }
    }

    #[test]
    fn labels_tell_whose_it_is() {
        let labels = of_instance(&someone());
        assert_eq!(identity(&labels), Some(someone()));
        assert!(is_instance(Some(&labels), &someone()));
        assert!(!is_instance(None, &someone()));
        assert_eq!(identity(&HashMap::new()), None);
    }

    #[test]
    fn labels_that_lead_elsewhere_are_none_of_ours() {
        for label in [PROJECT, CLUSTER, INSTANCE, SUITE, PLATFORM, RUN] {
            for wicked in ["../../..", "/etc", "a\nb", "x\u{202e}y"] {
                let mut labels = of_instance(&someone());
                labels.insert(label.into(), wicked.into());
                assert_eq!(identity(&labels), None, "{label}={wicked:?}");
            }
        }
    }

    fn some_origin() -> Origin {
        Origin {
            project: "p1".into(),
            platform: Some("centos-7".into()),
            source: "0123456789abcdef".into(),
            recipe: Some("fedcba9876543210".into()),
        }
    }

    #[test]
    fn labels_of_an_image_make_no_container_ours() {
        let labels = of_image(&some_origin());
        assert_eq!(origin(&labels), Some(some_origin()));
        assert_eq!(identity(&labels), None);
        assert!(!is_instance(Some(&labels), &someone()));
        assert_eq!(origin(&of_instance(&someone())), None);
        let empty = |label: &str| (label.to_owned(), String::new());
        assert_eq!(identity(&HashMap::from(ALL.map(empty))), None);
        assert_eq!(origin(&HashMap::from(ALL_OF_IMAGES.map(empty))), None);
        let line = emptied();
        for label in ALL.into_iter().chain(ALL_OF_IMAGES) {
            assert!(line.contains(&format!(" {label}=\"\"")), "{line}");
        }
    }

    #[test]
    fn labels_of_an_image_that_lead_elsewhere_are_none_of_ours() {
        for label in [IMAGE_PROJECT, IMAGE_PLATFORM, IMAGE_SOURCE] {
            for wicked in ["../../..", "/etc", "a\nb", "x\u{202e}y"] {
                let mut labels = of_image(&some_origin());
                labels.insert(label.into(), wicked.into());
                assert_eq!(origin(&labels), None, "{label}={wicked:?}");
            }
        }
    }

    #[test]
    fn a_name_is_stable_in_a_run_and_differs_between_runs_and_projects() {
        let name = container_name(&someone());
        assert_eq!(name, container_name(&someone()));
        assert!(name.starts_with("banquet-web1-centos-7-"), "{name}");
        let mut other = someone();
        other.run = "r2".into();
        assert_ne!(name, container_name(&other));
        let mut other = someone();
        other.project = "p2".into();
        assert_ne!(name, container_name(&other));
    }

    #[test]
    fn names_are_short_whatever_the_instance() {
        let mut long = someone();
        long.instance = "ä".repeat(300);
        assert!(container_name(&long).len() <= 63);
        assert!(host_name(&"a.b_".repeat(40)).len() <= 63);
        assert_eq!(host_name("web_1.x"), "web-1-x");
    }

    #[test]
    fn a_member_is_called_by_suite_instance_and_host_name() {
        assert_eq!(
            aliases(&someone(), "db.local", &["web1".into(), "cache".into()]),
            ["web1", "web1-centos-7", "db.local", "cache"]
        );
    }

    #[test]
    fn images_of_platforms() {
        for (platform, image) in [
            ("ubuntu-22.04", "ubuntu:22.04"),
            ("centos-7.9", "centos:centos7"),
            ("debian", "debian"),
        ] {
            assert_eq!(default_image(platform), image);
        }
    }
}
