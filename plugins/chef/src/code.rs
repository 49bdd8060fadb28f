//! The shell code that runs on the instance; `as_root` is a function of the kitchen's.

use shell_words::quote;

use crate::sandbox::{INSTALL, LIST, MANAGED};

/// Removes from `root` what went since the last converge: of what is managed every file that the
/// list does not name, and the nodes of members that are gone. Where there are no tools to look, it
/// stays.
pub fn prune(root: &str, gone: &[String]) -> String {
    let managed = MANAGED.join(" ");
    let gone: String = gone
        .iter()
        .map(|name| format!("as_root rm -f {}\n", quote(&format!("nodes/{name}.json"))))
        .collect();
    format!(
        r#"cd {root} || exit
{gone}if command -v find >/dev/null && command -v xargs >/dev/null && command -v grep >/dev/null; then
    find {managed} ! -type d 2>/dev/null | grep -vxF -f {LIST} | tr '\n' '\0' | as_root xargs -0 rm -f --
    as_root find {managed} -depth -type d -exec rmdir {{}} \; 2>/dev/null
fi
mkdir -p cookbooks
"#,
        root = quote(root)
    )
}

/// Installs the product.
pub fn install(root: &str) -> String {
    format!("as_root sh {}", quote(&format!("{root}/{INSTALL}")))
}

/// Runs `commands` one after another until one fails, then makes the file `node` readable, which the
/// client wrote. `program` must be there.
pub fn converge(program: &str, commands: &[String], node: Option<&str>) -> String {
    let program = quote(program);
    let commands: String = commands
        .iter()
        .map(|command| format!("as_root {command} || exit\n"))
        .collect();
    let node = node.map_or_else(String::new, |node| {
        let node = quote(node);
        format!("[ ! -e {node} ] || as_root chmod a+r {node}\n")
    });
    format!(
        "as_root sh -c 'command -v \"$0\" >/dev/null' {program} || {{ echo there is no {program} >&2; exit 127; }}\n\
         {commands}{node}exit 0"
    )
}
