//! Reads the sources, and fails when a rule of the house is broken: which layer may name what, and
//! where `unsafe` may stand.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below `src`, with slashes, and its lines.
struct Source {
    path: String,
    lines: Vec<String>,
}

fn sources() -> Vec<Source> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    assert!(found.len() > 20, "the sources are elsewhere");
    found
        .into_iter()
        .map(|path| Source {
            lines: fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect(),
            path: path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"),
        })
        .collect()
}

/// The line without its comment. (No string here contains two slashes.)
fn code(line: &str) -> &str {
    line.split("//").next().unwrap()
}

/// Whether the line's code names this word.
fn names(line: &str, word: &str) -> bool {
    code(line).split(|c: char| !c.is_alphanumeric() && c != '_').any(|candidate| candidate == word)
}

/// Asserts that no line of the files that `applies` to breaks the rule.
fn forbid(rule: &str, applies: impl Fn(&str) -> bool, breaks: impl Fn(&str) -> bool) {
    let broken: Vec<String> = sources()
        .iter()
        .filter(|source| applies(&source.path))
        .flat_map(|source| {
            let lines = source.lines.iter().enumerate().filter(|(_, line)| breaks(line));
            lines.map(|(n, line)| format!("src/{}:{}: {}", source.path, n + 1, line.trim()))
        })
        .collect();
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

fn in_core(path: &str) -> bool {
    path.starts_with("tls/")
}

fn in_bindings(path: &str) -> bool {
    path.starts_with("py/")
}

#[test]
fn the_core_knows_nothing_of_python() {
    forbid("the core names pyo3", in_core, |line| names(line, "pyo3"));
    forbid("the core names the bindings", in_core, |line| code(line).contains("crate::py"));
}

#[test]
fn the_bindings_do_not_call_openssl() {
    for word in ["openssl", "openssl_sys", "foreign_types"] {
        forbid("the bindings name what is the core's", in_bindings, |line| names(line, word));
    }
}

#[test]
fn functions_that_c_calls_stand_in_their_rooms() {
    const ROOMS: [&str; 7] = [
        "tls/allocator.rs",
        "tls/callbacks/trampolines.rs",
        "tls/fork.rs",
        "tls/passphrase.rs",
        "tls/sys.rs",
        "tls/sys/crypto.rs",
        "tls/transport/bio.rs",
    ];
    forbid(
        "extern \"C\" outside its rooms",
        |path| !ROOMS.contains(&path),
        |line| code(line).contains("extern \"C\""),
    );
}

#[test]
fn unsafe_stands_in_the_core_and_in_two_files_of_the_bindings() {
    const ROOMS: [&str; 2] = ["py/attachment.rs", "py/buffer.rs"];
    forbid(
        "unsafe outside its rooms",
        |path| !in_core(path) && !ROOMS.contains(&path),
        |line| names(line, "unsafe"),
    );
}

#[test]
fn every_unsafe_block_is_argued() {
    let mut silent = Vec::new();
    for source in sources() {
        for (n, line) in source.lines.iter().enumerate() {
            let line = code(line);
            if !line.contains("unsafe {") && !line.trim_start().starts_with("unsafe impl") {
                continue;
            }
            // The argument stands on the same line or above the statement that the block is in.
            let argued = source.lines[n.saturating_sub(12)..=n]
                .iter()
                .any(|above| above.contains("// SAFETY:"));
            if !argued {
                silent.push(format!("src/{}:{}", source.path, n + 1));
            }
        }
    }
    assert!(silent.is_empty(), "unsafe without a SAFETY comment: {silent:?}");
}

#[test]
fn the_bindings_use_cells_that_know_of_the_interpreter() {
    // A lock that is held while an object is made could wait for a thread that waits for the lock.
    for word in ["LazyLock", "LazyCell"] {
        forbid("a cell that runs Python under its own lock", in_bindings, |line| names(line, word));
    }
}

#[test]
fn the_bindings_attach_and_detach_in_one_way() {
    // PyO3's is undone by greenlets.
    for call in ["Python::attach(", "Python::try_attach(", ".detach("] {
        forbid("another way to attach or detach", in_bindings, |line| code(line).contains(call));
    }
}

#[test]
fn names_are_made_in_one_place() {
    // Elsewhere a fork could catch a thread in the middle of making one.
    forbid(
        "a name that is made when it is first asked for",
        |path| in_bindings(path) && path != "py/names.rs",
        |line| names(line, "intern"),
    );
}

#[test]
fn the_bindings_do_not_unwrap() {
    forbid("unwrap in the bindings", in_bindings, |line| {
        code(line).contains(".unwrap()") || code(line).contains(".expect(")
    });
}

#[test]
fn nothing_is_printed() {
    for word in ["print", "println", "eprint", "eprintln", "dbg"] {
        forbid("something is printed", |_| true, |line| code(line).contains(&format!("{word}!(")));
    }
}
