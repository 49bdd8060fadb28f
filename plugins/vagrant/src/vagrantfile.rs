//! The Vagrantfile: what a template is given of each machine, and the text that it makes of all.

use std::path::Path;

use banquet_sdk::outside::{file, template};
use banquet_sdk::{Context, Error, Result};
use handlebars::{Handlebars, handlebars_helper};
use serde_json::{Map, Value, json};

use crate::network::Network;
use crate::record::Record;
use crate::ruby;
use crate::settings::Settings;
use crate::{customize, labels};

const BUILTIN: &str = include_str!("Vagrantfile.hbs");
/// Where `env` goes on a machine (kitchen-vagrant).
const PROFILE: &str = "/etc/profile.d/kitchen.sh";
const PRIVATE: &str = ":private_network";
/// Name of the provisioner that writes it.
pub const ENVIRONMENT: &str = "kitchen-environment";

handlebars_helper!(literal: |value: Value| ruby::literal(&value));
handlebars_helper!(pairs: |value: Value| value.as_object().map(ruby::options).unwrap_or_default());

/// What a template is given of the machine of `record`, but for the cluster's network.
pub fn data(cx: &Context, settings: &Settings, record: &Record) -> Result<Value> {
    let files: Vec<String> = (settings.vagrantfiles.0.iter())
        .map(|path| Settings::path(cx, path))
        .collect();
    let arguments = docker_arguments(settings, record);
    Ok(json!({
        "name": record.machine,
        "instance": record.identity.instance,
        "suite": record.identity.suite,
        "platform": record.identity.platform,
        "provider": record.provider,
        "settings": cx.section.values,
        "vagrantfiles": files,
        "vm": vm(cx, settings, record),
        "access": access(settings)?,
        "networks": networks(settings)?,
        "folders": folders(cx, settings)?,
        "customize": customize::lines(settings, &record.name, &arguments)?,
        "environment": environment(settings),
    }))
}

/// The settings `config.vm`.
fn vm(cx: &Context, settings: &Settings, record: &Record) -> Map<String, Value> {
    let authority = settings.box_download_ca_cert.as_ref();
    let urls = match settings.box_url.0.as_slice() {
        [] => None,
        [url] => Some(json!(url)),
        urls => Some(json!(urls)),
    };
    let all = [
        (
            "box",
            settings.the_box(&record.identity.platform).map(Value::from),
        ),
        ("box_url", urls),
        (
            "box_version",
            settings.box_version.as_ref().map(|it| json!(it.0)),
        ),
        (
            "box_architecture",
            settings.box_arch.clone().map(Value::from),
        ),
        (
            "box_check_update",
            settings.box_check_update.map(Value::from),
        ),
        (
            "box_download_ca_cert",
            authority.map(|path| json!(Settings::path(cx, path))),
        ),
        (
            "box_download_insecure",
            settings.box_download_insecure.map(Value::from),
        ),
        ("hostname", record.host_name.clone().map(Value::from)),
        (
            "communicator",
            settings.communicator.clone().map(Value::from),
        ),
        ("guest", settings.guest.clone().map(Value::from)),
        (
            "boot_timeout",
            settings.boot_timeout.map(|it| json!(it.0.as_secs().max(1))),
        ),
    ];
    let set = all
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    set.collect()
}

/// The settings of Vagrant's own ways to the machine.
fn access(settings: &Settings) -> Result<Vec<Value>> {
    let user = settings.communicator.as_deref().unwrap_or("ssh");
    let mut all = Vec::new();
    let mut set = |of: &str, key: &str, value: &Value| {
        if !ruby::is_word(key) || !ruby::is_word(of) {
            return Err(Error::config(
                format!("/{of}"),
                format!("{key:?} is no setting of Vagrant"),
            ));
        }
        all.push(json!({"of": of, "key": key, "value": value}));
        Ok(())
    };
    for (key, value) in [
        ("username", &settings.username),
        ("password", &settings.password),
    ] {
        if let Some(value) = value {
            set(user, key, &json!(value))?;
        }
    }
    if let Some(key) = &settings.ssh_key {
        set("ssh", "private_key_path", &json!(key))?;
    }
    for (of, map) in [("ssh", &settings.ssh), ("winrm", &settings.winrm)] {
        for (key, value) in map {
            set(of, key.trim_start_matches(':'), value)?;
        }
    }
    Ok(all)
}

/// The section's networks.
fn networks(settings: &Settings) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut has_ssh = false;
    for (index, network) in settings.network.iter().enumerate() {
        let (kind, options) = parts(network).ok_or_else(|| {
            Error::config(
                format!("/network/{index}"),
                "no network: a kind and its options are wanted",
            )
            .hint("Write `- [private_network, {ip: 10.0.0.2}]`.")
        })?;
        has_ssh |= options.get("id").is_some_and(|id| id == "ssh");
        all.push(json!({"kind": format!(":{kind}"), "options": options}));
    }
    if settings.is_docker() && !has_ssh {
        // The engine chooses a port: Vagrant's choice may be another's by the time it is used.
        let options = json!({"guest": 22, "host": 2222, "id": "ssh", "disabled": true});
        all.push(json!({"kind": ":forwarded_port", "options": options}));
    }
    Ok(all)
}

fn parts(network: &Value) -> Option<(&str, &Map<String, Value>)> {
    let [kind, options] = network.as_array()?.as_slice() else {
        return None;
    };
    let kind = kind.as_str()?.trim_start_matches(':');
    ruby::is_word(kind).then_some((kind, options.as_object()?))
}

/// The address that the section itself gives the machine in a private network.
pub fn private_address(data: &Value) -> Option<&str> {
    let networks = data["networks"].as_array()?;
    let mut private = networks.iter().filter(|it| it["kind"] == PRIVATE);
    private.find_map(|it| it["options"]["ip"].as_str())
}

fn folders(cx: &Context, settings: &Settings) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for (index, folder) in settings.synced_folders.iter().enumerate() {
        let folder = folder.as_array().map(Vec::as_slice).unwrap_or_default();
        let (Some(source), Some(target)) = (
            folder.first().and_then(Value::as_str),
            folder.get(1).and_then(Value::as_str),
        ) else {
            let key = format!("/synced_folders/{index}");
            return Err(Error::config(
                key,
                "no shared directory: a source and a target are wanted",
            )
            .hint("Write `- [SOURCE, TARGET]`, or `- [SOURCE, TARGET, {create: true}]`."));
        };
        let named = |text: &str| text.replace("%{instance_name}", &cx.identity.instance);
        let arguments = match folder.get(2) {
            Some(Value::Object(options)) => ruby::options(options),
            // Ruby's arguments as they are (kitchen-vagrant).
            Some(Value::String(arguments)) => arguments.clone(),
            _ => "disabled: false".into(),
        };
        let source = Settings::path(cx, Path::new(&named(source)));
        all.push(json!({"source": source, "target": named(target), "arguments": arguments}));
    }
    if let Some((here, there)) = settings.cache(cx) {
        all.push(json!({"source": here, "target": there, "arguments": "create: true"}));
    }
    Ok(all)
}

/// Words for `docker run`: labels, and a port for SSH on the workstation alone.
fn docker_arguments(settings: &Settings, record: &Record) -> Vec<String> {
    let labels = labels::of(&record.identity, false).into_iter();
    let labels = labels.flat_map(|(key, value)| ["--label".to_owned(), format!("{key}={value}")]);
    let mut words: Vec<String> = labels.collect();
    let forwarded = settings.network.iter().filter_map(parts);
    let mut forwarded = forwarded.filter(|(kind, _)| *kind == "forwarded_port");
    if !forwarded.any(|(_, options)| options.get("id").is_some_and(|id| id == "ssh")) {
        let port = settings
            .ssh
            .get("guest_port")
            .and_then(Value::as_u64)
            .unwrap_or(22);
        words.extend(["-p".to_owned(), format!("127.0.0.1::{port}")]);
    }
    words
}

/// A script that writes the variables of `env`.
fn environment(settings: &Settings) -> Option<String> {
    if settings.env.0.is_empty() {
        return None;
    }
    let lines: String = settings
        .env
        .0
        .iter()
        .map(|it| format!("export {it}\n"))
        .collect();
    Some(format!(
        "cat > {PROFILE} <<'KITCHEN_END'\n{lines}KITCHEN_END\nchmod 755 {PROFILE}\n"
    ))
}

/// The data of `record` with the cluster's network, unless the section puts the machine into a
/// private network by itself. Containers get the names of the others as well: Docker writes their
/// hosts file anew at every start.
fn placed(record: &Record, network: &Network) -> Value {
    let mut data = record.data.clone();
    let instance = &record.identity.instance;
    let (None, Some(address)) = (private_address(&data), network.address(instance)) else {
        return data;
    };
    let docker = record.provider == "docker";
    let mut options = json!({"ip": address.to_string()});
    if docker {
        options["name"] = network.name.clone().into();
    }
    let private = json!({"kind": PRIVATE, "options": options});
    data["networks"]
        .as_array_mut()
        .into_iter()
        .for_each(|all| all.push(private.clone()));
    if docker {
        let others = network.hosts.iter().filter(|(other, _)| *other != instance);
        let words = others.flat_map(|(_, host)| {
            let address = network.subnet.address(host.number);
            let entry = move |name| ["--add-host".to_owned(), format!("{name}:{address}")];
            host.names.iter().flat_map(entry)
        });
        let line = format!("p.create_args += {}", ruby::literal(&words.collect()));
        data["customize"]
            .as_array_mut()
            .into_iter()
            .for_each(|all| all.push(json!(line)));
    }
    data
}

/// Largest template, in bytes.
const LARGEST: u64 = 16 << 20;

/// The Vagrantfile of the machines, from the template at `own` or the built-in one.
pub fn render(records: &[Record], network: Option<&Network>, own: Option<&Path>) -> Result<String> {
    let name = own.map_or("the built-in template".into(), |path| {
        path.display().to_string()
    });
    let failed = |error: String| Error::config("/vagrantfile_erb", format!("{name}: {error}"));
    let template = match own {
        None => BUILTIN.to_owned(),
        Some(path) => {
            let bytes = file::read(path, LARGEST).map_err(|error| failed(error.to_string()))?;
            String::from_utf8(bytes).map_err(|error| failed(error.to_string()))?
        }
    };
    if template.contains("<%") {
        let error = failed("it is written in ERB".into());
        let hint = "Write it in Handlebars; `machines` has all that the configuration says..";
        return Err(error.hint(hint));
    }
    template::check(&template).map_err(failed)?;
    let machine = |record: &Record| match network {
        Some(network) => placed(record, network),
        None => record.data.clone(),
    };
    let machines: Vec<Value> = records.iter().map(machine).collect();
    let files = machines
        .iter()
        .filter_map(|it| it["vagrantfiles"].as_array());
    let mut once: Vec<&Value> = Vec::new();
    for file in files.flatten() {
        if !once.contains(&file) {
            once.push(file);
        }
    }
    let data = json!({"machines": machines, "vagrantfiles": once});
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(handlebars::no_escape);
    engine.register_helper("ruby", Box::new(literal));
    engine.register_helper("options", Box::new(pairs));
    engine
        .render_template(&template, &data)
        .map_err(|error| failed(error.to_string()))
}

/// A Vagrantfile that is enough to remove a machine of which nothing but this is known.
pub fn minimal(machine: &str, provider: &str) -> String {
    let (machine, symbol) = (ruby::text(machine), ruby::text(provider));
    let image = match provider {
        "docker" => "p.image = \"none\"",
        _ => "",
    };
    format!(
        "Vagrant.configure(\"2\") do |config|\n  config.vm.define {machine} do |c|\n    c.vm.box = \"none\"\n    \
         c.vm.provider {symbol} do |p|\n      {image}\n    end\n  end\nend\n"
    )
}
