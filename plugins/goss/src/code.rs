//! The shell code that finds, fetches and runs Goss.

use banquet_sdk::tool::PACKAGES;
use shell_words::quote;

use crate::Config;

/// Sets `goss` to the program: the one at `goss_download_path`, else one on the PATH; empty where
/// there is none. The paths of the settings are shell texts with `VERSION`, `DISTRO` and `ARCH`.
fn find(config: &Config) -> String {
    format!(
        "VERSION={}\nDISTRO=$(uname | tr A-Z a-z)\n\
         case $(uname -m) in x86_64) ARCH=amd64 ;; aarch64) ARCH=arm64 ;; armv*) ARCH=arm ;; *) ARCH=386 ;; esac\n\
         there=\"{}\"\n\
         if [ -x \"$there\" ]; then goss=$there; else goss=$(command -v goss); fi",
        quote(&config.goss_version),
        config.goss_download_path
    )
}

/// Fetches Goss where it is not there.
pub(crate) fn fetch(config: &Config) -> String {
    format!(
        "{}\n{PACKAGES}\n[ -z \"$goss\" ] || exit 0\n\
         echo \"fetching Goss from {link}\"\n\
         fetch \"{link}\" \"$there.new\" && chmod +x \"$there.new\" && mv \"$there.new\" \"$there\"",
        find(config),
        link = config.goss_link
    )
}

/// Prints where Goss is, or where it was sought.
pub(crate) fn place(config: &Config) -> String {
    format!(
        "{}\n[ -n \"$goss\" ] && echo found || echo \"$there and the PATH $PATH\"",
        find(config)
    )
}

/// Validates one file in directory `suites`; the report goes to `report`.
pub(crate) fn validate(config: &Config, suites: &str, test: &str, report: &str) -> String {
    let vars = config.goss_var_path.as_ref().map(|vars| {
        let path = format!("{suites}/goss/{vars}");
        format!("--vars {} ", quote(&path))
    });
    format!(
        "{}\ncd {}/goss || exit\nas_root \"$goss\" {}-g {} validate --format json --no-color > {}",
        find(config),
        quote(suites),
        vars.unwrap_or_default(),
        quote(test),
        quote(report)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_goss() {
        let config = Config {
            goss_var_path: Some("common.yml".into()),
            ..Config::default()
        };
        let code = validate(
            &config,
            "/tmp/verifier/suites",
            "a b.yml",
            "/tmp/verifier/goss.json",
        );
        assert!(
            code.ends_with(
                "cd /tmp/verifier/suites/goss || exit\nas_root \"$goss\" --vars \
                 /tmp/verifier/suites/goss/common.yml -g 'a b.yml' validate --format json --no-color > \
                 /tmp/verifier/goss.json"
            ),
            "{code}"
        );
        assert!(code.starts_with("VERSION=v0.3.6\n"), "{code}");
    }
}
