//! Old forms of keys moved to where they belong today, step by step as Test Kitchen does
//! (data_munger.rb, LegacyConfigNormalizer).

use super::merge::merged;
use super::node::{Entry, Map, Node, Value};
use super::problem::Problem;
use super::source::Sources;

/// Keys of a suite that are settings of its provisioner.
pub const CHEF_PATHS: [&str; 6] = [
    "data_path",
    "data_bags_path",
    "encrypted_data_bag_secret_key_path",
    "environments_path",
    "nodes_path",
    "roles_path",
];

/// Keys of a suite or platform that are settings of its provisioner.
pub const CHEF_DATA: [&str; 4] = ["attributes", "run_list", "named_run_list", "policy_group"];

type Done = Result<(), Problem>;

/// Moves all old forms in the whole configuration.
pub fn normalize(data: &mut Map, sources: &Sources) -> Done {
    everywhere(data, &mut |root| driver_config(root, sources))?;
    each(data, "suites", &mut |suite| {
        let mut keys = CHEF_PATHS.iter();
        keys.try_for_each(|key| move_to_provisioner(suite, key, sources))
    })?;
    everywhere(data, &mut |root| chef_omnibus(root, sources))?;
    everywhere(data, &mut |root| busser(root, sources))?;
    everywhere(data, &mut |root| proxies(root, sources))?;
    for level in ["suites", "platforms"] {
        each(data, level, &mut |root| {
            let mut keys = CHEF_DATA.iter();
            keys.try_for_each(|key| move_to_provisioner(root, key, sources))
        })?;
    }
    everywhere(data, &mut |root| pre_create_command(root))
}

fn everywhere(data: &mut Map, change: &mut dyn FnMut(&mut Map) -> Done) -> Done {
    change(data)?;
    each(data, "platforms", change)?;
    each(data, "suites", change)
}

fn each(data: &mut Map, level: &str, change: &mut dyn FnMut(&mut Map) -> Done) -> Done {
    let Some(Value::List(list)) = data.get_mut(level).map(|entry| &mut entry.node.value) else {
        return Ok(());
    };
    for item in list {
        if let Value::Map(map) = &mut item.value {
            change(map)?;
        }
    }
    Ok(())
}

/// The section `key` of `root` as a map: a plain name is `{name: …}`, nothing is empty.
fn section(root: &Map, key: &str) -> Map {
    match root.get(key) {
        Some(entry) => named(entry, "name"),
        None => Map::new(),
    }
}

/// The section `entry` as a map, where a plain word is `{key: word}`.
fn named(entry: &Entry, key: &str) -> Map {
    super::named_map(&entry.node, key)
        .unwrap_or_default()
        .into_owned()
}

fn put(root: &mut Map, key: &str, from: &Entry, map: Map) {
    let (place, span) = match root.get(key) {
        Some(there) => (there.key, there.node.span),
        None => (from.key, from.node.span),
    };
    let node = Node::map(map, span);
    root.insert(key.to_owned(), Entry { key: place, node });
}

fn single(key: &str, entry: Entry) -> Map {
    Map::from_iter([(key.to_owned(), entry)])
}

fn driver_config(root: &mut Map, sources: &Sources) -> Done {
    if let Some(entry) = root.shift_remove("driver_config") {
        let base = named(&entry, "name");
        let map = merged(&base, &section(root, "driver"), sources)?;
        put(root, "driver", &entry, map);
    }
    if let Some(entry) = root.shift_remove("driver_plugin") {
        let map = merged(
            &single("name", entry.clone()),
            &section(root, "driver"),
            sources,
        )?;
        put(root, "driver", &entry, map);
    }
    Ok(())
}

fn move_to_provisioner(root: &mut Map, key: &str, sources: &Sources) -> Done {
    match root.get(key) {
        Some(entry) if !entry.node.is_null() => {}
        _ => return Ok(()),
    }
    let Some(entry) = root.shift_remove(key) else {
        return Ok(());
    };
    let provisioner = section(root, "provisioner");
    let map = merged(&provisioner, &single(key, entry.clone()), sources)?;
    put(root, "provisioner", &entry, map);
    Ok(())
}

fn driver_map(root: &mut Map) -> Option<&mut Map> {
    match &mut root.get_mut("driver")?.node.value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

fn chef_omnibus(root: &mut Map, sources: &Sources) -> Done {
    const KEY: &str = "require_chef_omnibus";
    let Some(entry) = driver_map(root).and_then(|driver| driver.shift_remove(KEY)) else {
        return Ok(());
    };
    let map = merged(
        &single(KEY, entry.clone()),
        &section(root, "provisioner"),
        sources,
    )?;
    put(root, "provisioner", &entry, map);
    Ok(())
}

fn busser(root: &mut Map, sources: &Sources) -> Done {
    let Some(entry) = root.shift_remove("busser") else {
        return Ok(());
    };
    let mut base = named(&entry, "version");
    if base.get("name").is_none_or(|name| name.node.is_null()) {
        let value = Value::Scalar("busser".into());
        let span = entry.key;
        let node = Node { value, span };
        base.insert("name".into(), Entry { key: span, node });
    }
    let map = merged(&base, &section(root, "verifier"), sources)?;
    put(root, "verifier", &entry, map);
    Ok(())
}

fn proxies(root: &mut Map, sources: &Sources) -> Done {
    for key in ["http_proxy", "https_proxy"] {
        let Some(entry) = driver_map(root).and_then(|driver| driver.get(key).cloned()) else {
            continue;
        };
        for kind in ["provisioner", "verifier"] {
            let map = merged(&single(key, entry.clone()), &section(root, kind), sources)?;
            put(root, kind, &entry, map);
        }
    }
    Ok(())
}

fn pre_create_command(root: &mut Map) -> Done {
    const KEY: &str = "pre_create_command";
    let Some(entry) = driver_map(root).and_then(|driver| driver.shift_remove(KEY)) else {
        return Ok(());
    };
    let hook = entry.node.clone().under("local");
    let mut lifecycle = section(root, "lifecycle");
    let hooks = lifecycle.entry("pre_create".into()).or_insert(Entry {
        key: entry.key,
        node: Node {
            value: Value::List(Vec::new()),
            span: entry.node.span,
        },
    });
    let mut list = match std::mem::take(&mut hooks.node.value) {
        Value::List(list) => list,
        Value::Scalar(serde_json::Value::Null) => Vec::new(),
        value => vec![Node {
            value,
            span: hooks.node.span,
        }],
    };
    list.push(hook);
    hooks.node.value = Value::List(list);
    put(root, "lifecycle", &entry, lifecycle);
    Ok(())
}
