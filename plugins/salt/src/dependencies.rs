//! Shell code that fetches formulas on the instance (kitchen-salt's dependencies.erb).

use shell_words::quote;

use crate::settings::{Config, Dependency, Repository};
use crate::states::below;

/// Where formulas lie that packages and git bring.
const SHARE: &str = "/usr/share/salt-formulas/env";

/// The code, empty where nothing is to be fetched; it needs `tool::PACKAGES`. `root` is
/// `root_path`.
pub fn code(config: &Config, root: &str) -> String {
    let mut lines: Vec<String> = config.vendor_repo.0.iter().map(repository).collect();
    if config.vendor_repo.0.iter().any(|it| it.kind != "spm") {
        lines.push("packages_update".into());
    }
    let fetched = config.dependencies.0.iter().filter(|it| it.repo.is_some());
    let states = quote(&format!("{root}/{}", below(&config.salt_file_root))).into_owned();
    let etc = quote(&format!("{root}/{}", below(&config.salt_config))).into_owned();
    let mut linked = false;
    for dependency in fetched {
        linked = true;
        lines.push(fetch(dependency, &etc));
    }
    if linked {
        // A formula of git holds its states below its own name, a package right there.
        lines.push(format!(
            "for formula in {SHARE}/_formulas/*/; do
    name=$(basename \"$formula\")
    [ ! -d \"$formula$name\" ] || as_root ln -sfn \"$formula$name\" {states}/\"$name\"
    for code in \"$formula\"_*/; do
        [ ! -d \"$code\" ] || as_root cp -rs \"$code\" {states}/
    done
done
for formula in {SHARE}/*/; do
    name=$(basename \"$formula\")
    [ \"$name\" = _formulas ] || [ ! -d \"$formula\" ] || as_root ln -sfn \"$formula\" {states}/\"$name\"
done"
        ));
    }
    lines.join(" || exit\n")
}

fn repository(repository: &Repository) -> String {
    let text =
        |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
    match repository.kind.as_str() {
        "ppa" => format!(
            "as_root add-apt-repository -y {}",
            quote(&format!("ppa:{}", repository.name))
        ),
        "apt" => {
            let key = match &repository.key_url {
                Some(url) => format!(
                    "fetch {} /tmp/formulas.asc && as_root cp /tmp/formulas.asc /etc/apt/trusted.gpg.d/formulas.asc &&\n",
                    quote(url)
                ),
                None => String::new(),
            };
            let distribution = match &repository.distribution {
                Some(distribution) => quote(distribution).into_owned(),
                None => "\"$(. /etc/os-release && echo \"$VERSION_CODENAME\")\"".into(),
            };
            format!(
                "have curl || packages_install curl ca-certificates\n{key}\
                 echo deb {} {} {distribution} {} | as_root tee -a /etc/apt/sources.list.d/vendor-repo.list >/dev/null",
                quote(&text(&repository.arch, "[arch=amd64]")),
                quote(&repository.url),
                quote(&text(&repository.components, "main")),
            )
        }
        // Its file is in the stage.
        _ => "true".into(),
    }
}

fn fetch(dependency: &Dependency, etc: &str) -> String {
    let package = dependency.package.as_ref().unwrap_or(&dependency.name);
    match dependency.repo.as_deref() {
        Some("git") => {
            let place = quote(&format!("{SHARE}/_formulas/{}", dependency.name)).into_owned();
            let branch = dependency.branch.as_ref();
            let branch = branch.map(|it| format!("-b {} ", quote(&it.0)));
            format!(
                "have git || packages_install git\nas_root mkdir -p {SHARE}/_formulas &&\n\
                 {{ [ -d {place} ] || as_root git clone -q {}-- {} {place}; }}",
                branch.unwrap_or_default(),
                quote(dependency.source.as_deref().unwrap_or_default())
            )
        }
        Some("spm") if package.contains("://") => format!(
            "fetch {} /tmp/formula.spm && as_root spm -c {etc} local install -y /tmp/formula.spm",
            quote(package)
        ),
        Some("spm") => format!(
            "as_root spm -c {etc} update_repo && as_root spm -c {etc} install -y {}",
            quote(package)
        ),
        // apt and yum.
        _ => format!("packages_install {}", quote(package)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_is_fetched_its_own_way() {
        let values = json!({
            "vendor_repo": [
                {"type": "apt", "url": "http://x/trusty", "key_url": "http://x/k", "components": "salt", "distribution": "nightly"},
                {"type": "ppa", "name": "neovim-ppa/unstable"},
                {"type": "spm", "url": "https://spm.example/1"},
            ],
            "dependencies": [
                {"name": "foo", "path": "./tests/formula-foo"},
                {"name": "nginx", "repo": "apt", "package": "salt-formula-nginx"},
                {"name": "linux", "repo": "git", "source": "https://x/l.git", "branch": "main"},
                {"name": "nova", "repo": "spm", "package": "https://x/nova.spm"},
            ],
        });
        let code = code(&serde_json::from_value(values).unwrap(), "/tmp/kitchen");
        for want in [
            "echo deb '[arch=amd64]' http://x/trusty nightly salt",
            "add-apt-repository -y ppa:neovim-ppa/unstable",
            "packages_install salt-formula-nginx",
            "git clone -q -b main -- https://x/l.git /usr/share/salt-formulas/env/_formulas/linux",
            "fetch https://x/nova.spm",
            "ln -sfn \"$formula$name\" /tmp/kitchen/srv/salt/\"$name\"",
        ] {
            assert!(code.contains(want), "{want}: {code}");
        }
        assert!(!code.contains("foo"), "{code}");
        let checked = std::process::Command::new("sh")
            .args(["-nc", &code])
            .output()
            .unwrap();
        assert!(checked.status.success(), "{code}: {checked:?}");
        let local = json!({"dependencies": [{"name": "foo", "path": "x"}], "vendor_repo": {}});
        assert_eq!(
            super::code(&serde_json::from_value(local).unwrap(), "/tmp/kitchen"),
            ""
        );
    }
}
