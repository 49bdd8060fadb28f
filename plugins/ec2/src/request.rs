//! From the section to the request for one machine: data only.

use aws_sdk_ec2::operation::run_instances::builders::RunInstancesInputBuilder;
use aws_sdk_ec2::types::{
    IamInstanceProfileSpecification, InstanceMarketOptionsRequest,
    InstanceNetworkInterfaceSpecification, InstanceType, LicenseConfigurationRequest, MarketType,
    ResourceType, ShutdownBehavior, SpotInstanceType, SpotMarketOptions,
};
use banquet_sdk::{Context, Error, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;

use crate::network::Place;
use crate::settings::Settings;
use crate::tags::{Owner, specification};
use crate::values::Shutdown;

/// Longest user data that EC2 takes, in bytes.
const LONGEST_USER_DATA: usize = 16 * 1024;

/// One machine to ask for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The section.
    pub settings: &'a Settings,
    /// Whose it will be.
    pub owner: &'a Owner,
    /// Region that the request goes to.
    pub region: &'a str,
    /// Image.
    pub image: &'a str,
    /// Type.
    pub instance_type: &'a str,
    /// Subnet and network.
    pub place: &'a Place,
    /// Security groups.
    pub groups: &'a [String],
    /// Key pair.
    pub key: Option<&'a str>,
    /// In base 64.
    pub user_data: Option<&'a str>,
    /// Whether it may be a spot machine.
    pub spot: bool,
    /// Two requests with one token make one machine.
    pub token: &'a str,
}

impl Request<'_> {
    /// As the API has it.
    pub fn input(&self) -> RunInstancesInputBuilder {
        let settings = self.settings;
        let tags = self.owner.of_machine(&settings.tags());
        let disks = &settings.block_device_mappings.0;
        let disks: Vec<_> = disks.iter().map(|disk| disk.ec2()).collect();
        let licenses = settings.licenses.0.iter().map(|license| {
            LicenseConfigurationRequest::builder()
                .license_configuration_arn(&license.license_configuration_arn)
                .build()
        });
        let licenses: Vec<_> = licenses.collect();
        let profile = settings.iam_profile_name.as_ref().map(|name| {
            IamInstanceProfileSpecification::builder()
                .name(name)
                .build()
        });
        let shutdown = settings.instance_initiated_shutdown_behavior;
        let input = RunInstancesInputBuilder::default()
            .client_token(self.token)
            .min_count(1)
            .max_count(1)
            .image_id(self.image)
            .instance_type(InstanceType::from(self.instance_type))
            .set_key_name(self.key.map(Into::into))
            .set_user_data(self.user_data.map(Into::into))
            .set_ebs_optimized(settings.ebs_optimized)
            .set_block_device_mappings((!disks.is_empty()).then_some(disks))
            .set_license_specifications((!licenses.is_empty()).then_some(licenses))
            .set_iam_instance_profile(profile)
            .set_metadata_options(settings.metadata_options.as_ref().map(|it| it.ec2()))
            .set_placement(
                settings
                    .placement
                    .ec2(settings.zone(self.region), settings.tenancy),
            )
            .set_instance_initiated_shutdown_behavior(shutdown.map(|it| match it {
                Shutdown::Stop => ShutdownBehavior::Stop,
                Shutdown::Terminate => ShutdownBehavior::Terminate,
            }))
            .set_instance_market_options(self.spot.then(|| self.market()))
            .tag_specifications(specification(ResourceType::Instance, &tags))
            .tag_specifications(specification(ResourceType::Volume, &tags));
        self.connect(input)
    }

    /// A machine that is told about public addresses has its network in another part of the request.
    fn connect(&self, input: RunInstancesInputBuilder) -> RunInstancesInputBuilder {
        let settings = self.settings;
        let groups = Some(self.groups.to_vec());
        if settings.associate_public_ip.is_none() && !settings.associate_ipv6 {
            return input
                .set_subnet_id(self.place.subnet.clone())
                .set_private_ip_address(settings.private_ip_address.clone())
                .set_security_group_ids(groups);
        }
        let interface = InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .delete_on_termination(true)
            .set_associate_public_ip_address(settings.associate_public_ip)
            .set_ipv6_address_count(settings.associate_ipv6.then_some(1))
            .set_subnet_id(self.place.subnet.clone())
            .set_private_ip_address(settings.private_ip_address.clone())
            .set_groups(groups);
        input.network_interfaces(interface.build())
    }

    fn market(&self) -> InstanceMarketOptionsRequest {
        let options = SpotMarketOptions::builder()
            .spot_instance_type(SpotInstanceType::OneTime)
            .set_max_price(self.settings.price().map(Into::into));
        InstanceMarketOptionsRequest::builder()
            .market_type(MarketType::Spot)
            .spot_options(options.build())
            .build()
    }
}

/// The user data in base 64: the section's text, or the file of the project that it names.
pub async fn user_data(cx: &Context, settings: &Settings) -> Result<Option<String>> {
    let Some(text) = &settings.user_data else {
        return Ok(None);
    };
    let file = cx.root.join(text);
    let bytes = match !text.contains(['\n', '\0']) && file.is_file() {
        true => tokio::fs::read(&file).await.map_err(|error| {
            Error::config("/user_data", format!("read {}: {error}", file.display()))
        })?,
        false => text.clone().into_bytes(),
    };
    if bytes.len() > LONGEST_USER_DATA {
        let message = format!(
            "user data of {} bytes: EC2 takes {LONGEST_USER_DATA} at most",
            bytes.len()
        );
        return Err(Error::config("/user_data", message));
    }
    Ok(Some(BASE64.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::operation::run_instances::RunInstancesInput;
    use banquet_sdk::Identity;
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::tests::read;

    fn owner() -> Owner {
        Owner(Identity {
            project: "p".into(),
            cluster: None,
            instance: "web-debian-12".into(),
            suite: "web".into(),
            platform: "debian-12".into(),
            run: "r".into(),
        })
    }

    fn input(values: Value, spot: bool) -> RunInstancesInput {
        let place = Place {
            subnet: Some("subnet-1".into()),
            vpc: "vpc-1".into(),
        };
        let request = Request {
            settings: &read(values).unwrap(),
            owner: &owner(),
            region: "eu-west-1",
            image: "ami-1",
            instance_type: "m5.large",
            place: &place,
            groups: &["sg-1".into()],
            key: Some("key"),
            user_data: None,
            spot,
            token: "token",
        };
        request.input().build().unwrap()
    }

    #[test]
    fn a_plain_machine() {
        let input = input(json!({"tags": {"team": "a"}}), false);
        assert_eq!(input.client_token(), Some("token"));
        assert_eq!(input.subnet_id(), Some("subnet-1"));
        assert_eq!(input.security_group_ids(), ["sg-1"]);
        assert_eq!(input.key_name(), Some("key"));
        assert!(input.network_interfaces().is_empty());
        assert!(input.instance_market_options().is_none());
        assert!(input.placement().is_none());
        let kinds: Vec<_> = input
            .tag_specifications()
            .iter()
            .map(|it| it.resource_type().unwrap().as_str())
            .collect();
        assert_eq!(kinds, ["instance", "volume"]);
        let tags = input.tag_specifications()[0].tags();
        assert!(owner().owns(tags));
        assert!(tags.iter().any(|it| it.key() == Some("team")));
    }

    #[test]
    fn a_public_address_moves_the_network_into_an_interface() {
        for (values, public, ipv6) in [
            (json!({"associate_public_ip": true}), Some(true), None),
            (json!({"associate_public_ip": false}), Some(false), None),
            (json!({"associate_ipv6": true}), None, Some(1)),
        ] {
            let input = input(values, false);
            let [interface] = input.network_interfaces() else {
                panic!("one interface");
            };
            assert_eq!(interface.associate_public_ip_address(), public);
            assert_eq!(interface.ipv6_address_count(), ipv6);
            assert_eq!(interface.subnet_id(), Some("subnet-1"));
            assert_eq!(interface.groups(), ["sg-1"]);
            assert!(input.subnet_id().is_none() && input.security_group_ids().is_empty());
        }
    }

    #[test]
    fn a_spot_machine_has_its_price_and_comes_once() {
        let market = |values| {
            let options = input(values, true).instance_market_options().cloned();
            options.unwrap().spot_options().cloned().unwrap()
        };
        assert_eq!(
            market(json!({"spot_price": "0.05"})).max_price(),
            Some("0.05")
        );
        let usual = market(json!({"spot_price": "on-demand"}));
        assert_eq!(usual.max_price(), None);
        assert_eq!(usual.spot_instance_type(), Some(&SpotInstanceType::OneTime));
    }

    #[test]
    fn everything_else_that_a_section_says() {
        let input = input(
            json!({
                "availability_zone": "b", "tenancy": "dedicated", "ebs_optimized": true,
                "placement": {"group_name": "near"}, "iam_profile_name": "role",
                "metadata_options": {"http_tokens": "required", "http_put_response_hop_limit": 2},
                "licenses": [{"license_configuration_arn": "arn:x"}],
                "block_device_mappings": [
                    {"device_name": "/dev/sda1", "ebs": {"volume_size": 20, "volume_type": "gp3"}}],
                "instance_initiated_shutdown_behavior": "terminate",
            }),
            false,
        );
        let placement = input.placement().unwrap();
        assert_eq!(placement.availability_zone(), Some("eu-west-1b"));
        assert_eq!(placement.group_name(), Some("near"));
        assert_eq!(placement.tenancy().unwrap().as_str(), "dedicated");
        assert_eq!(input.iam_instance_profile().unwrap().name(), Some("role"));
        let metadata = input.metadata_options().unwrap();
        assert_eq!(metadata.http_tokens().unwrap().as_str(), "required");
        assert_eq!(metadata.http_put_response_hop_limit(), Some(2));
        assert_eq!(input.license_specifications().len(), 1);
        let disk = input.block_device_mappings()[0].ebs().unwrap();
        assert_eq!(disk.volume_size(), Some(20));
        assert_eq!(disk.delete_on_termination(), Some(true));
        let shutdown = input.instance_initiated_shutdown_behavior().unwrap();
        assert_eq!(shutdown.as_str(), "terminate");
        assert_eq!(input.ebs_optimized(), Some(true));
    }

    #[tokio::test]
    async fn user_data_is_a_text_or_a_file() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("boot.sh"), "#!/bin/sh\n").unwrap();
        let section = banquet_sdk::Section::default();
        let cx = Context::for_tests(owner().0, root.path().into(), section);
        let encoded = async |text: &str| {
            let settings = read(json!({ "user_data": text })).unwrap();
            user_data(&cx, &settings).await
        };
        let file = encoded("boot.sh").await.unwrap();
        assert_eq!(file.as_deref(), Some("IyEvYmluL3NoCg=="));
        assert_eq!(encoded("#!/bin/sh\n").await.unwrap(), file);
        let long = encoded(&"x".repeat(LONGEST_USER_DATA + 1)).await;
        assert_eq!(long.unwrap_err().key.as_deref(), Some("/user_data"));
    }
}
