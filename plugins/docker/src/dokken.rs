//! Driver `dokken`: the driver `docker` with the options of kitchen-dokken, and Chef from an image of
//! its own, whose volume the instance mounts.

use banquet_sdk::{Context, Error, Result, Section, State};
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptions;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::errors::{Cause, cause};
use crate::image::Images;
use crate::settings::Settings;
use crate::{find, labels};

/// State key: the container with Chef.
pub const CHEF: &str = "dokken_chef_container";

/// Keys of kitchen-dokken's driver that driver `docker` does not have (driver/dokken.rb).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Keys {
    /// Image with Chef or Cinc in a volume; default: `chef/chef`, and `cincproject/cinc` where the
    /// provisioner's `product_name` is `cinc`.
    pub chef_image: Option<String>,
    /// Its tag; default: `latest`.
    pub chef_version: Option<banquet_sdk::lenient::Text>,
    /// Whether it is pulled at every creation; default: true.
    pub pull_chef_image: Option<bool>,
    /// Without effect: nothing is asked again but what the engine says it is busy with.
    pub api_retries: Value,
    /// Without effect: files go through the engine.
    pub data_image: Value,
    /// Without effect, as `data_image`.
    pub data_ssh_port: Value,
    /// Without effect: the engine is asked.
    pub docker_info: Value,
    /// Without effect: images that are built have names of their own.
    pub image_prefix: Value,
    /// Without effect: networks are as the engine makes them.
    pub ipv6: Value,
    /// Without effect, as `ipv6`.
    pub ipv6_subnet: Value,
    /// Without effect: credentials come from the user's Docker configuration.
    pub creds_file: Value,
    /// Without effect, as `creds_file`.
    pub docker_config_creds: Value,
    /// Without effect: an upload may take its time.
    pub write_timeout: Value,
}

impl Keys {
    /// The image with Chef. The repository's tag `stable` is called `latest`.
    fn image(&self, cx: &Context) -> String {
        let product = cx.provisioner.values.get("product_name");
        let is_cinc = product.and_then(Value::as_str) == Some("cinc");
        let image = self.chef_image.as_deref().unwrap_or(match is_cinc {
            true => "cincproject/cinc",
            false => "chef/chef",
        });
        let version = self.chef_version.as_ref().map(|version| version.0.as_str());
        let version = version.filter(|version| *version != "stable");
        format!("{image}:{}", version.unwrap_or("latest"))
    }
}

/// The section of `cx` as driver `docker` reads it.
pub fn settings(cx: &Context) -> Result<Settings> {
    let mut cx = cx.clone();
    cx.section = std::sync::Arc::new(section(&cx));
    Settings::of(&cx)
}

fn section(cx: &Context) -> Section {
    let mut section = (*cx.section).clone();
    let values = &mut section.values;
    values.retain(|_, value| !value.is_null());
    // Its own network for all instances of the workstation is the engine's or the cluster's here.
    if values.get("network_mode").and_then(Value::as_str) == Some("dokken") {
        values.shift_remove("network_mode");
    }
    let mut default = |key: &str, value: Value| {
        values.entry(key).or_insert(value);
    };
    default("pull_platform_image", json!(true));
    let mut parts = cx.identity.platform.split('-');
    let name = parts.next().unwrap_or_default();
    let image = parts
        .next()
        .map_or(name.to_owned(), |release| format!("{name}:{release}"));
    default("image", json!(image));
    if cx.identity.cluster.is_none() {
        default("hostname", json!("dokken"));
    }
    if values.get("privileged").and_then(Value::as_bool) == Some(true) {
        values.insert("userns_host".into(), json!(true));
    }
    section
}

/// Makes the container with Chef, which is never started, and mounts its volumes; a second call
/// finds what the first one made. It bears the instance's labels and goes with it.
pub async fn bring_chef(
    engine: &Engine,
    images: &Images,
    cx: &Context,
    settings: &mut Settings,
    state: &mut State,
) -> Result<()> {
    let keys: Keys = cx.config()?;
    let image = keys.image(cx);
    let image = match &settings.docker_registry {
        Some(registry) => format!("{}/{image}", registry.trim_end_matches('/')),
        None => image,
    };
    let name = format!("{}-chef", labels::container_name(&cx.identity));
    settings.volumes_from.0.push(name.clone());
    state.set(CHEF, name.clone());
    state.checkpoint()?;
    if find::adopt(engine, cx, &name).await?.is_some() {
        return Ok(());
    }
    if keys.pull_chef_image != Some(false) {
        images.pull(engine, cx, settings, &image).await?;
    }
    let made = match ask(engine, cx, settings, &name, &image).await {
        Err(error) if cause(&error) == Cause::NoImage => {
            images.pull(engine, cx, settings, &image).await?;
            ask(engine, cx, settings, &name, &image).await
        }
        made => made,
    };
    made.map_err(|error| {
        let error: Error = engine.error(&format!("create the container with {image}"), error);
        error.hint("`chef_image` and `chef_version` name the image whose volume has Chef.")
    })
}

async fn ask(
    engine: &Engine,
    cx: &Context,
    settings: &Settings,
    name: &str,
    image: &str,
) -> Result<(), bollard::errors::Error> {
    let options = CreateContainerOptions {
        name: Some(name.to_owned()),
        platform: settings.platform().unwrap_or_default().to_owned(),
    };
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["true".into()]),
        labels: Some(labels::of_instance(&cx.identity)),
        ..ContainerCreateBody::default()
    };
    let made = engine.docker.create_container(Some(options), body).await;
    made.map(drop)
}

#[cfg(test)]
mod tests {
    use banquet_sdk::Identity;
    use banquet_sdk::conformance::settings as values;

    use super::*;

    fn cx(cluster: Option<&str>, section: Value) -> Context {
        let identity = Identity {
            project: "p".into(),
            cluster: cluster.map(Into::into),
            instance: "web-centos-7".into(),
            suite: "web".into(),
            platform: "centos-7".into(),
            run: "r".into(),
        };
        Context::for_tests(identity, "/nowhere".into(), values(section))
    }

    #[test]
    fn defaults_are_those_of_kitchen_dokken() {
        let alone = settings(&cx(None, json!({"network_mode": "dokken", "platform": ""}))).unwrap();
        assert_eq!(alone.image("centos-7"), "centos:7");
        assert_eq!(alone.pull(), crate::settings::Pull::Always);
        assert_eq!(alone.host_name("web-centos-7"), "dokken");
        assert_eq!(alone.network, None, "the engine's own");
        assert_eq!(alone.platform(), None);
        let member = settings(&cx(Some("app"), json!({"image": "dokken/centos-7"}))).unwrap();
        assert_eq!(member.image("centos-7"), "dokken/centos-7");
        assert_eq!(
            member.host_name("web-centos-7"),
            "web-centos-7",
            "names tell members apart"
        );
        let own = settings(&cx(
            None,
            json!({"privileged": true, "network_mode": "host"}),
        ))
        .unwrap();
        assert!(own.userns_host && own.network.as_deref() == Some("host"));
    }

    #[test]
    fn chef_comes_from_the_image_that_the_product_has() {
        let image = |section: Value, provisioner: Value| {
            let mut cx = cx(None, section);
            cx.provisioner = std::sync::Arc::new(values(provisioner));
            cx.config::<Keys>().unwrap().image(&cx)
        };
        assert_eq!(image(json!({}), json!({})), "chef/chef:latest");
        assert_eq!(
            image(json!({"chef_version": 18}), json!({"product_name": "cinc"})),
            "cincproject/cinc:18"
        );
        assert_eq!(
            image(
                json!({"chef_image": "a/b", "chef_version": "stable"}),
                json!({})
            ),
            "a/b:latest"
        );
    }
}
