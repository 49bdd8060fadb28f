//! The image of an instance: the one that is named, or the best of those that a search finds.

use aws_sdk_ec2::types::{Image, ImageState};
use banquet_sdk::{Error, Result};

use crate::client::Account;
use crate::errors::{Cause, Refusal};
use crate::platform::{Family, Platform};
use crate::settings::Settings;
use crate::tags::filter;

/// What the rest must know of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its id.
    pub id: String,
    /// The platform that its name tells of.
    pub platform: Option<Platform>,
    /// Whether it is for ARM.
    arm: bool,
    /// Whether it runs on current types.
    hvm: bool,
}

impl Chosen {
    /// The type where none is named: what the free tier has.
    pub fn default_type(&self) -> &'static str {
        match (self.arm, self.hvm) {
            (true, _) => "t4g.micro",
            (false, true) => "t2.micro",
            (false, false) => "t1.micro",
        }
    }

    /// Whether it is Windows.
    pub fn is_windows(&self) -> bool {
        let platform = self.platform.as_ref();
        platform.is_some_and(|it| it.family == Family::Windows)
    }

    fn of(image: &Image) -> Self {
        Self {
            id: image.image_id().unwrap_or_default().into(),
            platform: platform(image),
            arm: architecture(image).is_some_and(|it| it.starts_with("arm64")),
            hvm: image
                .virtualization_type()
                .is_none_or(|it| it.as_str() == "hvm"),
        }
    }
}

/// The image that the section names, or finds, for a platform of this name.
pub async fn choose(account: &Account, settings: &Settings, platform: &str) -> Result<Chosen> {
    match &settings.image_id {
        Some(id) => named(account, id).await,
        None => search(account, settings, platform).await,
    }
}

async fn named(account: &Account, id: &str) -> Result<Chosen> {
    let doing = format!("look up the image {id}");
    let asked = account.client.describe_images().image_ids(id).send().await;
    let found = asked.map_err(|error| {
        let refusal = Refusal::from(error);
        let mut error = account.error(&doing, &refusal);
        if matches!(refusal.cause(), Cause::Absent | Cause::Value) {
            error.key = Some("/image_id".into());
        }
        error
    })?;
    let image = found.images().first().ok_or_else(|| {
        let region = &account.region;
        Error::config(
            "/image_id",
            format!("there is no image {id} in region {region}"),
        )
        .hint("Images differ from region to region, and may be private.")
    })?;
    match image.state() {
        None | Some(ImageState::Available) => Ok(Chosen::of(image)),
        Some(state) => Err(Error::config(
            "/image_id",
            format!("the image {id} is {}, not available", state.as_str()),
        )),
    }
}

async fn search(account: &Account, settings: &Settings, platform: &str) -> Result<Chosen> {
    let search: Vec<(String, Vec<String>)> = if settings.image_search.is_empty() {
        let known = Platform::of_name(platform).ok_or_else(|| unknown(platform))?;
        let search = known.search().into_iter();
        search.map(|(key, values)| (key.into(), values)).collect()
    } else {
        let texts = |values: &[banquet_sdk::lenient::Text]| {
            values.iter().map(|text| text.0.clone()).collect()
        };
        let search = settings.image_search.iter();
        search
            .map(|(key, values)| (filter_name(key), texts(&values.0)))
            .collect()
    };
    let filters = search
        .iter()
        .map(|(key, values)| filter(key, values.clone()));
    let request = account
        .client
        .describe_images()
        .set_filters(Some(filters.collect()));
    let found = request
        .send()
        .await
        .map_err(account.doing("search for an image"))?;
    best(found.images()).map(Chosen::of).ok_or_else(|| {
        let words: Vec<String> = search
            .iter()
            .map(|(key, values)| format!("{key} {}", values.join(" or ")))
            .collect();
        let key = match settings.image_search.is_empty() {
            true => "/image_id",
            false => "/image_search",
        };
        let region = &account.region;
        Error::config(
            key,
            format!("no image in region {region} has {}", words.join(", ")),
        )
        .hint("Name an image in `image_id`, or search for another in `image_search`.")
    })
}

fn unknown(platform: &str) -> Error {
    Error::config(
        "/image_id",
        format!("no image is named, and `{platform}` is no platform whose images are known"),
    )
    .hint(
        "Set `image_id` or `image_search`; known are almalinux, amazon, centos, debian, fedora, \
         freebsd, macos, rhel, rocky, ubuntu and windows, each with a version behind a hyphen.",
    )
}

/// Filters are written with hyphens; a tag's key is left as it is.
fn filter_name(key: &str) -> String {
    match key.starts_with("tag") {
        true => key.into(),
        false => key.replace('_', "-"),
    }
}

/// The best image, by kitchen-ec2's rules (standard_platform.rb): the newest version of the system,
/// then full virtualization, then EBS on a solid disk, then x86-64, then the newest build. A beta is
/// taken only where there is nothing else.
fn best(images: &[Image]) -> Option<&Image> {
    let usable = |image: &&Image| image.state().is_none_or(|it| *it == ImageState::Available);
    images.iter().filter(usable).max_by_key(|image| {
        let name = image.name().unwrap_or_default().to_lowercase();
        let numbers = platform(image).map(|it| it.numbers());
        // Longer numbers are builds: only the first two say which system it is.
        let version: Vec<u32> = numbers.unwrap_or_default().into_iter().take(2).collect();
        (
            !name.contains("beta"),
            version,
            image
                .virtualization_type()
                .is_some_and(|it| it.as_str() == "hvm"),
            image
                .root_device_type()
                .is_some_and(|it| it.as_str() == "ebs"),
            has_solid_disk(image),
            architecture(image) == Some("x86_64"),
            image.creation_date().unwrap_or_default().to_owned(),
        )
    })
}

fn has_solid_disk(image: &Image) -> bool {
    image.block_device_mappings().iter().any(|device| {
        let volume = device.ebs().and_then(|ebs| ebs.volume_type());
        device.device_name() == image.root_device_name()
            && volume.is_some_and(|it| ["gp3", "gp2"].contains(&it.as_str()))
    })
}

fn architecture(image: &Image) -> Option<&str> {
    image.architecture().map(|it| it.as_str())
}

fn platform(image: &Image) -> Option<Platform> {
    Platform::of_image(image.name()?, architecture(image))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{
        ArchitectureValues, BlockDeviceMapping, DeviceType, EbsBlockDevice, VirtualizationType,
        VolumeType,
    };

    use super::*;

    fn image(name: &str, date: &str) -> aws_sdk_ec2::types::builders::ImageBuilder {
        let volume = EbsBlockDevice::builder().volume_type(VolumeType::Gp3);
        let root = BlockDeviceMapping::builder()
            .device_name("/dev/sda1")
            .ebs(volume.build());
        Image::builder()
            .image_id(format!("{name} of {date}"))
            .name(name)
            .creation_date(date)
            .root_device_name("/dev/sda1")
            .root_device_type(DeviceType::Ebs)
            .virtualization_type(VirtualizationType::Hvm)
            .architecture(ArchitectureValues::X8664)
            .block_device_mappings(root.build())
    }

    fn best_of(images: &[Image]) -> &str {
        best(images).unwrap().image_id().unwrap()
    }

    #[test]
    fn the_newest_version_is_taken_then_the_newest_build() {
        let images = [
            image("ubuntu-9.10", "2030").build(),
            image("ubuntu-22.04", "2024").build(),
            image("ubuntu-22.04", "2025").build(),
        ];
        assert_eq!(best_of(&images), "ubuntu-22.04 of 2025");
        assert!(best(&[]).is_none());
    }

    #[test]
    fn older_builds_win_by_what_they_are() {
        let arm = image("debian-12", "2026").architecture(ArchitectureValues::Arm64);
        let paravirtual =
            image("debian-12", "2027").virtualization_type(VirtualizationType::Paravirtual);
        let pending = image("debian-12", "2028").state(ImageState::Pending);
        let images = [
            arm.build(),
            paravirtual.build(),
            pending.build(),
            image("debian-12", "2025").build(),
        ];
        assert_eq!(best_of(&images), "debian-12 of 2025");
        let images = [
            image("RHEL-10.0_Beta-x86_64", "2026").build(),
            image("RHEL-9.3_HVM", "2024").build(),
        ];
        assert_eq!(best_of(&images), "RHEL-9.3_HVM of 2024");
    }

    #[test]
    fn a_type_is_chosen_by_the_image() {
        let arm = image("debian-12", "1").architecture(ArchitectureValues::Arm64);
        assert_eq!(Chosen::of(&arm.build()).default_type(), "t4g.micro");
        assert_eq!(
            Chosen::of(&image("x", "1").build()).default_type(),
            "t2.micro"
        );
    }

    #[test]
    fn filters_may_be_written_with_underscores() {
        assert_eq!(filter_name("owner_id"), "owner-id");
        assert_eq!(filter_name("tag:my_tag"), "tag:my_tag");
    }
}
