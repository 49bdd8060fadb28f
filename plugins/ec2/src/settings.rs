//! The driver's section. Names are kitchen-ec2's; what it does not have is marked.

use std::collections::BTreeMap;
use std::time::Duration;

use banquet_sdk::lenient::{List, Seconds, Text};
use banquet_sdk::{Context, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::values::{
    BlockDevice, GroupFilter, Interface, KeyType, License, MetadataOptions, Placement, Shutdown,
    TagFilter, Tenancy,
};

/// Settings of the driver `ec2`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Region; default: `AWS_REGION`, else what the profile says.
    pub region: Option<String>,
    /// Profile of `~/.aws/config` and `~/.aws/credentials`; default: `AWS_PROFILE`.
    pub shared_credentials_profile: Option<String>,
    /// Address of another service that speaks EC2's language. Not in kitchen-ec2.
    pub endpoint_url: Option<String>,
    /// HTTP proxy to the API; default: `HTTPS_PROXY` or `HTTP_PROXY`, without what `NO_PROXY` names.
    pub http_proxy: Option<String>,
    /// How often a request that was throttled, or met a fault of the service, is made again, each
    /// time later.
    pub retry_limit: u32,
    /// How often a machine is looked at until it is what it should be.
    pub retryable_tries: u32,
    /// Seconds between two looks.
    pub retryable_sleep: Seconds,
    /// Seconds in which a machine may still come to light that was asked for by a command that then
    /// was killed. Not in kitchen-ec2.
    pub consistency_wait: Seconds,

    /// Image; default: found by `image_search`.
    pub image_id: Option<String>,
    /// Filters of EC2's list of images, the newest is taken; default: by the platform's name.
    pub image_search: BTreeMap<String, List<Text>>,
    /// Type; a list is tried in order where there is no capacity. Default: `t2.micro`, on ARM
    /// `t4g.micro`.
    pub instance_type: List<String>,
    /// Zone, whole or its letter.
    pub availability_zone: Option<String>,
    /// Whose hardware it runs on.
    pub tenancy: Option<Tenancy>,
    /// Where exactly it is put.
    pub placement: Placement,
    /// Licences that it uses.
    pub licenses: List<License>,
    /// Optimized for EBS.
    pub ebs_optimized: Option<bool>,
    /// Disks.
    pub block_device_mappings: List<BlockDevice>,
    /// Instance profile of IAM.
    pub iam_profile_name: Option<String>,
    /// What the machine runs at its first boot: a text, or a file of the project.
    pub user_data: Option<String>,
    /// The service that tells a machine about itself.
    pub metadata_options: Option<MetadataOptions>,
    /// Further tags of machine and volumes.
    pub tags: BTreeMap<String, Option<Text>>,
    /// What happens when the machine switches itself off.
    pub instance_initiated_shutdown_behavior: Option<Shutdown>,

    /// Subnet; a list is tried in order. Default: one of the default network.
    pub subnet_id: List<String>,
    /// Tags of the subnet, all of which it must have; the one with most free addresses is taken.
    pub subnet_filter: List<TagFilter>,
    /// Security groups; default: a temporary one for the cluster.
    pub security_group_ids: List<String>,
    /// Security groups by name or tag.
    pub security_group_filter: List<GroupFilter>,
    /// From where the temporary group lets SSH (on Windows also RDP and WinRM) in.
    pub security_group_cidr_ip: List<String>,
    /// Private address.
    pub private_ip_address: Option<String>,
    /// Whether it gets a public address; default: what the subnet says.
    pub associate_public_ip: Option<bool>,
    /// Whether it gets an IPv6 address.
    pub associate_ipv6: bool,
    /// Address that the kitchen connects to; default: the first of public name, public address,
    /// private address.
    pub interface: Option<Interface>,

    /// Key pair that the account has; default: a temporary one. `_disable`: none.
    pub aws_ssh_key_id: Option<String>,
    /// Kind of the temporary key pair.
    pub aws_ssh_key_type: KeyType,

    /// Asks for a spot machine at this price an hour at most, in dollars; `on-demand`: at most the
    /// usual price.
    pub spot_price: Option<Text>,
    /// Seconds to go on asking for a spot machine.
    pub spot_wait: Seconds,
    /// Where there is no spot machine within `spot_wait`, take one at the usual price. Not in
    /// kitchen-ec2.
    pub spot_fallback: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: None,
            shared_credentials_profile: None,
            endpoint_url: None,
            http_proxy: None,
            retry_limit: 8,
            retryable_tries: 60,
            retryable_sleep: Seconds(Duration::from_secs(5)),
            consistency_wait: Seconds(Duration::from_secs(15)),
            image_id: None,
            image_search: BTreeMap::new(),
            instance_type: List::default(),
            availability_zone: None,
            tenancy: None,
            placement: Placement::default(),
            licenses: List::default(),
            ebs_optimized: None,
            block_device_mappings: List::default(),
            iam_profile_name: None,
            user_data: None,
            metadata_options: None,
            tags: BTreeMap::new(),
            instance_initiated_shutdown_behavior: None,
            subnet_id: List::default(),
            subnet_filter: List::default(),
            security_group_ids: List::default(),
            security_group_filter: List::default(),
            security_group_cidr_ip: List(vec!["0.0.0.0/0".into()]),
            private_ip_address: None,
            associate_public_ip: None,
            associate_ipv6: false,
            interface: None,
            aws_ssh_key_id: None,
            aws_ssh_key_type: KeyType::default(),
            spot_price: None,
            spot_wait: Seconds(Duration::from_secs(60)),
            spot_fallback: true,
        }
    }
}

/// Keys of kitchen-ec2 that change nothing here, or that only one value of can be had.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Unneeded {
    /// Without effect: no warning of costs is printed.
    pub skip_cost_warning: Value,
    /// Without effect: EC2 has no such spot machines any more.
    pub block_duration_minutes: Value,
    /// Without effect: set it for each of `block_device_mappings`.
    pub delete_on_termination: Value,
    /// Without effect: no host is ever allocated.
    pub deallocate_dedicated_host: Value,
    /// Certificates are always checked; false is refused.
    pub ssl_verify_peer: Option<bool>,
    /// True is refused: no host is ever allocated.
    pub allocate_dedicated_host: bool,
    /// True is refused: use the transport's `ssh_proxy_command`.
    pub use_instance_connect: bool,
    /// Only with `use_instance_connect`.
    pub instance_connect_endpoint_id: Value,
    /// Only with `use_instance_connect`.
    pub instance_connect_max_tunnel_duration: Value,
    /// True is refused: use the transport's `ssh_proxy_command`.
    pub use_ssm_session_manager: bool,
    /// Only with `use_ssm_session_manager`.
    pub ssm_session_manager_document_name: Value,
    /// Refused: no second interface is attached.
    pub elastic_network_interface_id: Option<String>,
}

impl Unneeded {
    /// What must not be ignored in silence.
    fn refuse(&self) -> Result<()> {
        let tunnel = |command| {
            format!(
                "Set `interface: id` of the driver and `ssh_proxy_command: aws {command}` of the \
                 transport."
            )
        };
        let refused = [
            (
                self.ssl_verify_peer == Some(false),
                "/ssl_verify_peer",
                "certificates are always checked",
                "Put the certificate of your service into a file and name it in SSL_CERT_FILE."
                    .into(),
            ),
            (
                self.allocate_dedicated_host,
                "/allocate_dedicated_host",
                "this driver allocates no dedicated hosts",
                "Allocate one beforehand; `tenancy: host` then uses it.".into(),
            ),
            (
                self.use_instance_connect,
                "/use_instance_connect",
                "this driver does not connect by itself",
                tunnel("ec2-instance-connect open-tunnel --instance-id %h"),
            ),
            (
                self.use_ssm_session_manager,
                "/use_ssm_session_manager",
                "this driver does not connect by itself",
                tunnel(
                    "ssm start-session --target %h --document-name AWS-StartSSHSession --parameters \
                     portNumber=%p",
                ),
            ),
            (
                self.elastic_network_interface_id.is_some(),
                "/elastic_network_interface_id",
                "this driver attaches no second network interface",
                "Attach it in a hook `post_create`.".into(),
            ),
        ];
        match refused.into_iter().find(|(is, ..)| *is) {
            Some((_, key, message, hint)) => Err(Error::config(key, message).hint(hint)),
            None => Ok(()),
        }
    }
}

impl Settings {
    /// The section of `cx`, checked as far as it can be without the API.
    pub fn of(cx: &Context) -> Result<Self> {
        cx.config::<Unneeded>()?.refuse()?;
        let settings: Self = cx.config()?;
        if settings.placement.group_id.is_some() && settings.placement.group_name.is_some() {
            return Err(Error::config(
                "/placement",
                "a placement group is named by its id or by its name, not by both",
            ));
        }
        if let Some(price) = settings.price()
            && !price.parse::<f64>().is_ok_and(|price| price > 0.0)
        {
            let message = format!("`{price}` is no price: dollars an hour, or on-demand");
            return Err(Error::config("/spot_price", message));
        }
        let clear = |group: &GroupFilter| {
            matches!(
                (&group.name, &group.tag, &group.value),
                (Some(_), None, None) | (None, Some(_), Some(_))
            )
        };
        if !settings.security_group_filter.0.iter().all(clear) {
            return Err(Error::config(
                "/security_group_filter",
                "a security group is found by `name`, or by `tag` and `value`",
            ));
        }
        for range in &settings.security_group_cidr_ip.0 {
            if !is_range(range) {
                let message = format!("`{range}` is no range of addresses");
                return Err(Error::config("/security_group_cidr_ip", message)
                    .hint("Write it as 203.0.113.0/24 or 2001:db8::/32."));
            }
        }
        Ok(settings)
    }

    /// The most that a spot machine may cost; none: the usual price.
    pub fn price(&self) -> Option<&str> {
        let price = self.spot_price.as_ref()?.0.trim();
        (!["ondemand", "on-demand"].contains(&price)).then_some(price)
    }

    /// Longest time until a machine is what it should be.
    pub fn patience(&self) -> Duration {
        self.retryable_sleep.0 * self.retryable_tries
    }

    /// The user's tags; nothing is an empty text.
    pub fn tags(&self) -> BTreeMap<String, String> {
        let text = |value: &Option<Text>| value.clone().unwrap_or_default().0;
        let tags = self.tags.iter();
        tags.map(|(key, value)| (key.clone(), text(value)))
            .collect()
    }

    /// The zone's whole name.
    pub fn zone(&self, region: &str) -> Option<String> {
        let zone = self.availability_zone.as_ref()?.to_lowercase();
        match zone.len() {
            1 => Some(format!("{region}{zone}")),
            _ => Some(zone),
        }
    }

    /// Whether the cluster gets a security group of its own.
    pub fn own_group(&self) -> bool {
        self.security_group_ids.0.is_empty() && self.security_group_filter.0.is_empty()
    }
}

/// Whether this is `ADDRESS/BITS`.
fn is_range(range: &str) -> bool {
    let Some((address, bits)) = range.split_once('/') else {
        return false;
    };
    match (address.parse(), bits.parse::<u8>()) {
        (Ok(std::net::IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(std::net::IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    }
}

#[cfg(test)]
pub mod tests {
    use banquet_sdk::Identity;
    use banquet_sdk::conformance::settings as section;
    use serde_json::json;

    use super::*;

    pub fn read(values: Value) -> Result<Settings> {
        let identity = Identity {
            project: "p".into(),
            cluster: None,
            instance: "i".into(),
            suite: "s".into(),
            platform: "x".into(),
            run: "r".into(),
        };
        Settings::of(&Context::for_tests(identity, "/".into(), section(values)))
    }

    #[test]
    fn a_section_for_kitchen_ec2() {
        let settings = read(json!({
            "region": "eu-west-1", "shared_credentials_profile": "ci", "availability_zone": "b",
            "instance_type": ["m5.large", "m5a.large"], "spot_price": 0.1,
            "image_search": {"owner-id": "099720109477", "name": ["a*", "b*"]},
            "subnet_filter": {"tag": "Name", "value": "test"},
            "security_group_filter": [{"name": "web"}, {"tag": "team", "value": "a"}],
            "block_device_mappings": [{"device_name": "/dev/sda1", "ebs": {"volume_size": 20}}],
            "tags": {"a": 1, "b": null}, "skip_cost_warning": true, "tenancy": "dedicated",
            "metadata_options": {"http_tokens": "required"}, "interface": "private_dns",
            "instance_initiated_shutdown_behavior": "terminate", "aws_ssh_key_type": "rsa",
        }))
        .unwrap();
        assert_eq!(settings.zone("eu-west-1").as_deref(), Some("eu-west-1b"));
        assert_eq!(settings.price(), Some("0.1"));
        assert_eq!(settings.tags()["a"], "1");
        assert_eq!(settings.tags()["b"], "");
        assert_eq!(settings.interface, Some(Interface::PrivateDns));
        assert!(!settings.own_group());
        assert_eq!(settings.patience(), Duration::from_secs(300));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        for (values, key) in [
            (json!({"spot_price": "cheap"}), "/spot_price"),
            (json!({"spot_price": 0}), "/spot_price"),
            (json!({"tenancy": "mine"}), "/tenancy"),
            (json!({"interface": "wifi"}), "/interface"),
            (
                json!({"placement": {"group_id": "a", "group_name": "b"}}),
                "/placement",
            ),
            (
                json!({"security_group_filter": {"tag": "a"}}),
                "/security_group_filter",
            ),
            (
                json!({"security_group_cidr_ip": "10.0.0.0"}),
                "/security_group_cidr_ip",
            ),
            (
                json!({"security_group_cidr_ip": ["::/0", "10.0.0.0/33"]}),
                "/security_group_cidr_ip",
            ),
            (json!({"ssl_verify_peer": false}), "/ssl_verify_peer"),
            (
                json!({"use_ssm_session_manager": true}),
                "/use_ssm_session_manager",
            ),
            (
                json!({"allocate_dedicated_host": true}),
                "/allocate_dedicated_host",
            ),
        ] {
            let error = read(values.clone()).unwrap_err();
            assert_eq!(error.key.as_deref(), Some(key), "{values}");
        }
    }

    #[test]
    fn every_key_is_in_the_readme() {
        let readme = include_str!("../README.md");
        let info = banquet_sdk::PluginInfo::of::<Settings>("ec2", "").with::<Unneeded>();
        let missing = |key: &String| !readme.contains(&format!("`{key}`"));
        let missing: Vec<String> = info.keys().into_iter().filter(missing).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_usual_price_is_no_number() {
        for price in ["on-demand", "ondemand"] {
            let settings = read(json!({"spot_price": price})).unwrap();
            assert_eq!(settings.price(), None);
            assert!(settings.spot_price.is_some());
        }
    }
}
