//! Names and tags: how a resource of an account tells whose it is.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use banquet_sdk::Identity;
use banquet_sdk::outside::Claim;

/// The tag that all have; by it they are listed.
pub const PROJECT: &str = "org.banquet.project";
const CLUSTER: &str = "org.banquet.cluster";
const INSTANCE: &str = "org.banquet.instance";
const SUITE: &str = "org.banquet.suite";
const PLATFORM: &str = "org.banquet.platform";
const RUN: &str = "org.banquet.run";

/// Longest value of a tag, in characters.
const LONGEST: usize = 256;

/// Whose the resources of a call are.
#[derive(Clone, Debug)]
pub struct Owner(pub Identity);

impl Owner {
    /// Every tag of a machine: its own ones over the user's, with a name for the console.
    pub fn of_machine(&self, users: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let identity = &self.0;
        let mut tags = BTreeMap::from([("Name".to_owned(), identity.instance.clone())]);
        tags.extend(users.clone());
        tags.extend(self.of_shared());
        for (key, value) in [
            (INSTANCE, &identity.instance),
            (SUITE, &identity.suite),
            (PLATFORM, &identity.platform),
        ] {
            tags.insert(key.into(), cut(value));
        }
        tags
    }

    /// Tags of what the members of a cluster share; of an instance without one its own.
    pub fn of_shared(&self) -> BTreeMap<String, String> {
        let identity = &self.0;
        let (group, name) = match &identity.cluster {
            Some(cluster) => (CLUSTER, cluster),
            None => (INSTANCE, &identity.instance),
        };
        [
            (PROJECT, &identity.project),
            (RUN, &identity.run),
            (group, name),
        ]
        .map(|(key, value)| (key.to_owned(), cut(value)))
        .into()
    }

    /// Filters for the machines of this project and instance, of any run.
    pub fn machines(&self) -> Vec<Filter> {
        self.filters(INSTANCE, &self.0.instance)
    }

    /// Filters for what [`Owner::of_shared`] marks, of any run.
    pub fn shared(&self) -> Vec<Filter> {
        match &self.0.cluster {
            Some(cluster) => self.filters(CLUSTER, cluster),
            None => self.machines(),
        }
    }

    /// Filters for everything of this project.
    pub fn everything(&self) -> Vec<Filter> {
        vec![filter(&format!("tag:{PROJECT}"), [&self.0.project])]
    }

    fn filters(&self, key: &str, value: &str) -> Vec<Filter> {
        [(PROJECT, self.0.project.as_str()), (key, value)]
            .map(|(key, value)| filter(&format!("tag:{key}"), [cut(value)]))
            .into()
    }

    /// Whether a machine's tags say that it was made for this instance. Its id may come from a state
    /// that somebody wrote by hand.
    pub fn owns(&self, tags: &[Tag]) -> bool {
        let is = |key, value: &str| get(tags, key).is_some_and(|found| found == cut(value));
        is(PROJECT, &self.0.project) && is(INSTANCE, &self.0.instance)
    }

    /// Name of the security group and the key pair of a run: the same for all members of a cluster.
    pub fn shared_name(&self) -> String {
        let identity = &self.0;
        let unique = [identity.project.as_str(), identity.group(), &identity.run];
        let hash = blake3::hash(unique.join("\n").as_bytes()).to_hex();
        let base = identity.group().chars();
        let base: String = base
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(40)
            .collect();
        format!("banquet-{base}-{}", &hash[..12])
    }
}

/// Whose a resource is; none where the tags are not this program's, or hold what it never writes:
/// whoever shares the account may tag a machine.
pub fn identity(tags: &[Tag]) -> Option<Identity> {
    let of = |key| get(tags, key).unwrap_or_default().to_owned();
    let claim = Claim {
        project: get(tags, PROJECT)?.to_owned(),
        cluster: get(tags, CLUSTER).map(Into::into),
        instance: of(INSTANCE),
        suite: of(SUITE),
        platform: of(PLATFORM),
        run: of(RUN),
    };
    claim.identity().ok()
}

/// A filter of EC2's lists.
pub fn filter<S: Into<String>>(name: &str, values: impl IntoIterator<Item = S>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder()
        .name(name)
        .set_values(Some(values))
        .build()
}

/// Tags for a resource that is being made.
pub fn specification(kind: ResourceType, tags: &BTreeMap<String, String>) -> TagSpecification {
    let tags = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags))
        .build()
}

fn get<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key() == Some(key))?.value()
}

fn cut(value: &str) -> String {
    value.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn someone() -> Owner {
        Owner(Identity {
            project: "p1".into(),
            cluster: Some("web-debian-12".into()),
            instance: "web1-debian-12".into(),
            suite: "web1".into(),
            platform: "debian-12".into(),
            run: "r1".into(),
        })
    }

    fn list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
        specification(ResourceType::Instance, tags).tags().to_vec()
    }

    #[test]
    fn tags_tell_whose_it_is_and_the_users_are_there_too() {
        let users = BTreeMap::from([
            ("team".into(), "a".into()),
            (PROJECT.to_owned(), "forged".into()),
        ]);
        let tags = list(&someone().of_machine(&users));
        assert_eq!(identity(&tags), Some(someone().0));
        assert!(someone().owns(&tags));
        assert_eq!(get(&tags, "team"), Some("a"));
        assert_eq!(get(&tags, "Name"), Some("web1-debian-12"));
        assert_eq!(identity(&[]), None);
        assert!(!someone().owns(&[]));
    }

    #[test]
    fn another_instance_or_project_is_not_owned() {
        let tags = list(&someone().of_machine(&BTreeMap::new()));
        let mut other = someone();
        other.0.instance = "web2-debian-12".into();
        assert!(!other.owns(&tags));
        let mut other = someone();
        other.0.project = "p2".into();
        assert!(!other.owns(&tags));
    }

    #[test]
    fn members_of_a_run_share_a_name_and_other_runs_have_another() {
        let mut peer = someone();
        peer.0.instance = "db-debian-12".into();
        assert_eq!(someone().shared_name(), peer.shared_name());
        peer.0.run = "r2".into();
        assert_ne!(someone().shared_name(), peer.shared_name());
        let mut long = someone();
        long.0.cluster = Some("ä".repeat(300));
        assert!(long.shared_name().len() < 64);
    }
}
