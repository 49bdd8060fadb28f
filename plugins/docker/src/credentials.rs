//! Credentials of registries, from the user's Docker configuration: `auths`, `credHelpers`,
//! `credsStore`.

use std::collections::HashMap;
use std::path::Path;

use banquet_sdk::{Error, Result, process};
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::process::Command;

/// The name under which Docker keeps the credentials of its own registry.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: HashMap<String, Auth>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// Where a registry's credentials are.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// A helper program, `docker-credential-NAME`.
    Helper(String),
    /// In the file itself, under this name.
    File(String),
    /// Nowhere.
    None,
}

/// The credentials for the registry that `image` comes from; none where the user has none.
pub async fn for_image(
    docker_config: Option<&Path>,
    image: &str,
) -> Result<Option<DockerCredentials>> {
    let Some(config) = load(docker_config)? else {
        return Ok(None);
    };
    credentials(&config, registry(image)).await
}

/// The credentials of every registry that the user's configuration names, for builds, whose
/// Dockerfile may draw from any of them. A helper that fails is left out: it may not be needed.
pub async fn all(docker_config: Option<&Path>) -> Result<HashMap<String, DockerCredentials>> {
    let mut all = HashMap::new();
    let Some(config) = load(docker_config)? else {
        return Ok(all);
    };
    for registry in config.auths.keys().chain(config.cred_helpers.keys()) {
        if let Ok(Some(found)) = credentials(&config, registry).await {
            all.insert(registry.clone(), found);
        }
    }
    Ok(all)
}

fn load(docker_config: Option<&Path>) -> Result<Option<Config>> {
    let Some(path) = docker_config.map(|dir| dir.join("config.json")) else {
        return Ok(None);
    };
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Error::from(error).while_doing(format!("read {}", path.display())));
        }
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Error::machine(format!("read {}: {error}", path.display()))
            .hint("Mend the file, or point DOCKER_CONFIG to another directory.")
    })
}

/// The registry of an image, as Docker's configuration names it.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "docker.io" | "index.docker.io" => DOCKER_HUB,
            host => host,
        },
        _ => DOCKER_HUB,
    }
}

fn source(config: &Config, registry: &str) -> Source {
    if let Some(helper) = config.cred_helpers.get(registry) {
        return Source::Helper(helper.clone());
    }
    let bare = |name: &str| {
        let name = name
            .trim_start_matches("https://")
            .trim_start_matches("http://");
        name.split('/').next().unwrap_or(name).to_owned()
    };
    let known = config.auths.keys().find(|name| *name == registry);
    let known = known.or_else(|| {
        config
            .auths
            .keys()
            .find(|name| bare(name) == bare(registry))
    });
    match (&config.creds_store, known) {
        (Some(store), _) => Source::Helper(store.clone()),
        (None, Some(name)) => Source::File(name.clone()),
        (None, None) => Source::None,
    }
}

async fn credentials(config: &Config, registry: &str) -> Result<Option<DockerCredentials>> {
    match source(config, registry) {
        Source::None => Ok(None),
        Source::Helper(helper) => ask(&helper, registry).await,
        Source::File(name) => Ok(config
            .auths
            .get(&name)
            .and_then(|auth| from_file(auth, registry))),
    }
}

fn from_file(auth: &Auth, registry: &str) -> Option<DockerCredentials> {
    let empty = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    if empty(&auth.auth) && empty(&auth.username) && empty(&auth.identitytoken) {
        return None;
    }
    let (mut username, mut password) = (auth.username.clone(), auth.password.clone());
    if let Some(pair) = auth.auth.as_deref().and_then(decode)
        && let Some((user, word)) = pair.split_once(':')
    {
        username = Some(user.to_owned());
        password = Some(word.trim_end_matches('\0').to_owned());
    }
    Some(DockerCredentials {
        username,
        password,
        identitytoken: auth.identitytoken.clone(),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    })
}

/// Asks `docker-credential-HELPER get`. A helper that knows nothing is no error.
async fn ask(helper: &str, registry: &str) -> Result<Option<DockerCredentials>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let program = format!("docker-credential-{helper}");
    let mut command = Command::new(&program);
    command.arg("get");
    let collected = process::Collect::default();
    let input = banquet_sdk::Stdin::Bytes(registry.as_bytes().to_vec());
    let status = process::run(command, &input, &collected).await.map_err(|error| {
        error.hint(format!(
            "Your Docker configuration names {program} for {registry}: install it, or take it out of config.json."
        ))
    })?;
    let (out, err) = collected.into_parts();
    if !status.success() {
        let said = format!("{out}{err}");
        if said.to_lowercase().contains("credentials not found") {
            return Ok(None);
        }
        return Err(Error::machine(format!(
            "{program} get {registry}: {}",
            said.trim()
        )));
    }
    let answer: Answer = serde_json::from_str(&out)
        .map_err(|error| Error::machine(format!("{program} get {registry}: {error}")))?;
    let mut credentials = DockerCredentials {
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    };
    // Helpers mark an identity token by this user name.
    if answer.username == "<token>" {
        credentials.identitytoken = Some(answer.secret);
    } else {
        credentials.username = Some(answer.username);
        credentials.password = Some(answer.secret);
    }
    Ok(Some(credentials))
}

/// Standard base64, with or without padding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut bits) = (0_u32, 0);
    for c in text.trim().trim_end_matches('=').bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(value: serde_json::Value) -> Config {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn registries_of_images() {
        for (image, wanted) in [
            ("debian:12", DOCKER_HUB),
            ("team/app", DOCKER_HUB),
            ("docker.io/library/debian", DOCKER_HUB),
            ("r.test/app", "r.test"),
            ("localhost/app", "localhost"),
            ("host:5000/app", "host:5000"),
        ] {
            assert_eq!(registry(image), wanted, "{image}");
        }
    }

    #[test]
    fn a_helper_of_the_registry_comes_before_the_store_and_the_store_before_the_file() {
        let all = config(json!({
            "auths": {"r.test": {"auth": "dTpw"}},
            "credHelpers": {"h.test": "special"},
        }));
        assert_eq!(source(&all, "h.test"), Source::Helper("special".into()));
        assert_eq!(source(&all, "r.test"), Source::File("r.test".into()));
        assert_eq!(source(&all, "x.test"), Source::None);
        let store = config(json!({"credsStore": "desktop"}));
        assert_eq!(source(&store, "r.test"), Source::Helper("desktop".into()));
        let url = config(json!({"auths": {"https://r.test/v2/": {"auth": "dTpw"}}}));
        assert_eq!(
            source(&url, "r.test"),
            Source::File("https://r.test/v2/".into())
        );
    }

    #[tokio::test]
    async fn user_and_password_from_the_file() {
        let config = config(json!({"auths": {"r.test": {"auth": "dXNlcjpwYTpzcw=="}}}));
        let found = credentials(&config, "r.test").await.unwrap().unwrap();
        assert_eq!(found.username.as_deref(), Some("user"));
        assert_eq!(found.password.as_deref(), Some("pa:ss"));
        assert_eq!(found.serveraddress.as_deref(), Some("r.test"));
    }

    #[tokio::test]
    async fn no_configuration_is_no_credentials_and_a_broken_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            for_image(Some(dir.path()), "debian")
                .await
                .unwrap()
                .is_none()
        );
        std::fs::write(dir.path().join("config.json"), "{").unwrap();
        let error = for_image(Some(dir.path()), "debian").await.unwrap_err();
        assert!(error.message.contains("config.json"), "{error}");
    }

    #[tokio::test]
    async fn a_helper_that_is_not_installed_is_named() {
        let config = config(json!({"credHelpers": {"h.test": "banquet-missing"}}));
        let error = credentials(&config, "h.test").await.unwrap_err();
        assert!(error.hints[0].contains("docker-credential-banquet-missing"));
    }

    #[test]
    fn base64() {
        assert_eq!(decode("dTpw").as_deref(), Some("u:p"));
        assert_eq!(decode("dXNlcjo=").as_deref(), Some("user:"));
        assert_eq!(decode("!"), None);
    }
}
