//! Structured values of the section, under the names that kitchen-ec2 has for them.

use aws_sdk_ec2::types as ec2;
use banquet_sdk::lenient::Text;
use schemars::JsonSchema;
use serde::Deserialize;

/// A subnet's or a security group's tag.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagFilter {
    /// Key of the tag.
    pub tag: String,
    /// Its value.
    pub value: Text,
}

/// A security group, by its name or by a tag.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GroupFilter {
    /// Name of the group.
    pub name: Option<String>,
    /// Key of a tag.
    pub tag: Option<String>,
    /// Value of the tag.
    pub value: Option<Text>,
}

/// Which of a machine's addresses the kitchen connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interface {
    /// Public name.
    Dns,
    /// Public address.
    Public,
    /// Private address.
    Private,
    /// Private name.
    PrivateDns,
    /// The machine's id, for a proxy command that knows what to do with it.
    Id,
}

/// Kind of the temporary key pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// Short and quick.
    #[default]
    Ed25519,
    /// 2048 bits, for Windows and for systems before OpenSSH 6.5.
    Rsa,
}

/// What happens to a machine that switches itself off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shutdown {
    /// It stays and can be started again.
    Stop,
    /// It is removed.
    Terminate,
}

/// On whose hardware a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tenancy {
    /// Shared.
    Default,
    /// Of this account alone.
    Dedicated,
    /// On a dedicated host that the account has.
    Host,
}

impl Tenancy {
    fn ec2(self) -> ec2::Tenancy {
        match self {
            Self::Default => ec2::Tenancy::Default,
            Self::Dedicated => ec2::Tenancy::Dedicated,
            Self::Host => ec2::Tenancy::Host,
        }
    }
}

/// A disk.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlockDevice {
    /// Name of the device (`/dev/sda1`).
    pub device_name: Option<String>,
    /// Name of an instance store (`ephemeral0`).
    pub virtual_name: Option<String>,
    /// Empty text: the image's device of this name is left out.
    pub no_device: Option<String>,
    /// A volume.
    pub ebs: Option<Volume>,
}

/// A volume of EBS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Volume {
    /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1`, `standard`.
    pub volume_type: Option<String>,
    /// Size in GiB.
    pub volume_size: Option<i32>,
    /// Snapshot that it is made from.
    pub snapshot_id: Option<String>,
    /// Whether it goes with the machine; default: true.
    pub delete_on_termination: Option<bool>,
    /// Whether it is encrypted.
    pub encrypted: Option<bool>,
    /// Key that it is encrypted with.
    pub kms_key_id: Option<String>,
    /// Input and output operations a second.
    pub iops: Option<i32>,
    /// MiB a second.
    pub throughput: Option<i32>,
}

impl BlockDevice {
    /// As the API has it.
    pub fn ec2(&self) -> ec2::BlockDeviceMapping {
        ec2::BlockDeviceMapping::builder()
            .set_device_name(self.device_name.clone())
            .set_virtual_name(self.virtual_name.clone())
            .set_no_device(self.no_device.clone())
            .set_ebs(self.ebs.as_ref().map(Volume::ec2))
            .build()
    }
}

impl Volume {
    fn ec2(&self) -> ec2::EbsBlockDevice {
        ec2::EbsBlockDevice::builder()
            .set_volume_type(self.volume_type.as_deref().map(ec2::VolumeType::from))
            .set_volume_size(self.volume_size)
            .set_snapshot_id(self.snapshot_id.clone())
            .delete_on_termination(self.delete_on_termination.unwrap_or(true))
            .set_encrypted(self.encrypted)
            .set_kms_key_id(self.kms_key_id.clone())
            .set_iops(self.iops)
            .set_throughput(self.throughput)
            .build()
    }
}

/// The service that tells a machine about itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetadataOptions {
    /// `required` (version 2 only) or `optional`.
    pub http_tokens: Option<String>,
    /// How far its answers go; 2 where containers ask.
    pub http_put_response_hop_limit: Option<i32>,
    /// `enabled` or `disabled`.
    pub http_endpoint: Option<String>,
    /// `enabled` or `disabled`.
    pub http_protocol_ipv6: Option<String>,
    /// `enabled` or `disabled`: whether it tells the tags.
    pub instance_metadata_tags: Option<String>,
}

impl MetadataOptions {
    /// As the API has it.
    pub fn ec2(&self) -> ec2::InstanceMetadataOptionsRequest {
        let state = |text: &Option<String>| text.clone();
        ec2::InstanceMetadataOptionsRequest::builder()
            .set_http_tokens(state(&self.http_tokens).map(|it| it.as_str().into()))
            .set_http_put_response_hop_limit(self.http_put_response_hop_limit)
            .set_http_endpoint(state(&self.http_endpoint).map(|it| it.as_str().into()))
            .set_http_protocol_ipv6(state(&self.http_protocol_ipv6).map(|it| it.as_str().into()))
            .set_instance_metadata_tags(
                state(&self.instance_metadata_tags).map(|it| it.as_str().into()),
            )
            .build()
    }
}

/// Where a machine is put.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Placement {
    /// `default` or `host`.
    pub affinity: Option<String>,
    /// Zone, whole (`eu-west-1a`).
    pub availability_zone: Option<String>,
    /// Placement group by id.
    pub group_id: Option<String>,
    /// Placement group by name.
    pub group_name: Option<String>,
    /// Dedicated host.
    pub host_id: Option<String>,
    /// Group of dedicated hosts.
    pub host_resource_group_arn: Option<String>,
    /// Partition of the placement group.
    pub partition_number: Option<i32>,
    /// As the key `tenancy`.
    pub tenancy: Option<Tenancy>,
}

impl Placement {
    /// As the API has it; `zone` and `tenancy` of the section count where this says nothing. None
    /// where nobody says anything.
    pub fn ec2(&self, zone: Option<String>, tenancy: Option<Tenancy>) -> Option<ec2::Placement> {
        let zone = self.availability_zone.clone().or(zone);
        let tenancy = self.tenancy.or(tenancy).map(Tenancy::ec2);
        let placement = ec2::Placement::builder()
            .set_affinity(self.affinity.clone())
            .set_availability_zone(zone)
            .set_group_id(self.group_id.clone())
            .set_group_name(self.group_name.clone())
            .set_host_id(self.host_id.clone())
            .set_host_resource_group_arn(self.host_resource_group_arn.clone())
            .set_partition_number(self.partition_number)
            .set_tenancy(tenancy)
            .build();
        (placement != ec2::Placement::builder().build()).then_some(placement)
    }
}

/// A licence that the machine uses.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct License {
    /// Its configuration.
    pub license_configuration_arn: String,
}
