//! The session's dependencies, seen with serde's eyes.
//!
//! Cells can derive serde's traits. So that what they derive is what the session's dependencies mean by serde, cells
//! see the same crate: it is added to what cargo resolves, with `derive`, as soon as any dependency has it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml::Table;

use super::locked::Locked;

/// Which serde belongs to a set of dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Graph {
    /// None of them uses it.
    WithoutSerde,
    /// They use it, and with this manifest cells see it, too.
    With { manifest: String },
    /// They use it in a way that cells cannot share.
    Apart,
}

/// What is to be known of a set of dependencies before they are built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependencies {
    pub graph: Graph,
    /// Nothing, where cargo has refused them.
    pub locked: Option<Locked>,
}

/// Asks cargo about the package in its working directory.
///
/// # Errors
/// When cargo cannot be run.
pub fn ask(cargo: &mut Command, manifest: &str) -> std::io::Result<Dependencies> {
    let output = cargo.args(["metadata", "--format-version=1"]).output()?;
    if !output.status.success() {
        // What is wrong with the dependencies is told when they are built.
        return Ok(Dependencies {
            graph: Graph::WithoutSerde,
            locked: None,
        });
    }
    let metadata = serde_json::from_slice(&output.stdout)?;
    Ok(Dependencies {
        graph: graph(manifest, &metadata),
        locked: Some(Locked::of(&metadata)),
    })
}

/// Looks for serde in what `cargo metadata` says of `manifest`.
fn graph(manifest: &str, metadata: &Value) -> Graph {
    let serdes: Vec<&Value> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| package["name"] == "serde")
        .collect();
    if serdes.is_empty() {
        return Graph::WithoutSerde;
    }
    let Some(manifest) = with_derive(manifest) else {
        return Graph::Apart;
    };
    // The registry's serde 1 is one crate for all that want one; another source's would be a second.
    let shareable = |package: &&&Value| {
        package["version"]
            .as_str()
            .is_some_and(|version| version.starts_with("1."))
            && package["source"]
                .as_str()
                .is_some_and(|source| source.starts_with("registry+"))
    };
    if manifest.named_by_user || serdes.iter().any(|package| shareable(&package)) {
        Graph::With {
            manifest: manifest.text,
        }
    } else {
        Graph::Apart
    }
}

struct Manifest {
    text: String,
    named_by_user: bool,
}

/// The manifest with serde in it and its `derive` on; how else the user wants it stays. `None` if it has something
/// else of that name.
fn with_derive(manifest: &str) -> Option<Manifest> {
    let mut table: Table = manifest.parse().ok()?;
    let dependencies = table.get_mut("dependencies")?.as_table_mut()?;
    let named_by_user = dependencies.contains_key("serde");
    let wanted = dependencies
        .entry("serde")
        .or_insert_with(|| toml::Value::from("1"));
    if let Some(version) = wanted.as_str() {
        let version = toml::Value::from(version);
        *wanted = toml::Value::Table(Table::from_iter([("version".to_owned(), version)]));
    }
    let wanted = wanted.as_table_mut()?;
    if wanted
        .get("package")
        .is_some_and(|package| package.as_str() != Some("serde"))
    {
        return None;
    }
    let features = wanted
        .entry("features")
        .or_insert_with(|| toml::Value::Array(Vec::new()))
        .as_array_mut()?;
    if !features.iter().any(|feature| feature.as_str() == Some("derive")) {
        features.push("derive".into());
    }
    Some(Manifest {
        text: table.to_string(),
        named_by_user,
    })
}

/// Writes the package whose dependencies are those of the one in `directory` and serde: the same but for its
/// manifest. Nothing of it is compiled, so its source is empty.
///
/// # Errors
/// When it cannot be written.
pub fn write_package(directory: &Path, package: &Path, manifest: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(package.join("src"))?;
    std::fs::create_dir_all(package.join(".cargo"))?;
    std::fs::write(package.join("src/lib.rs"), "")?;
    std::fs::write(package.join("Cargo.toml"), manifest)?;
    for file in ["Cargo.lock", ".cargo/config.toml"] {
        match std::fs::copy(directory.join(file), package.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REGISTRY: &str = "registry+https://example.org/index";

    fn graph_of(dependencies: &str, serde: Option<(&str, Option<&str>)>) -> Graph {
        let manifest = format!("[package]\nname = \"ctx\"\n[dependencies]\n{dependencies}\n");
        let serde =
            serde.map(|(version, source)| json!({"name": "serde", "version": version, "source": source}));
        let packages: Vec<Value> = serde.into_iter().chain([json!({"name": "itoa"})]).collect();
        graph(&manifest, &json!({ "packages": packages }))
    }

    fn serde_line(graph: Graph) -> String {
        let Graph::With { manifest } = graph else {
            panic!("{graph:?}")
        };
        let table: Table = manifest.parse().unwrap();
        assert_eq!(table["package"]["name"].as_str(), Some("ctx"));
        table["dependencies"]["serde"].to_string()
    }

    #[test]
    fn serde_is_added_with_derive_where_the_graph_has_it() {
        let serde = Some(("1.0.200", Some(REGISTRY)));
        assert_eq!(graph_of("itoa = \"1\"", None), Graph::WithoutSerde);
        let added = serde_line(graph_of("serde_json = \"1\"", serde));
        assert!(added.contains("\"derive\"") && added.contains("\"1\""), "{added}");
    }

    #[test]
    fn the_users_own_line_counts_and_gets_derive() {
        let serde = Some(("1.0.100", Some(REGISTRY)));
        let plain = serde_line(graph_of("serde = \"=1.0.100\"", serde));
        assert!(plain.contains("=1.0.100") && plain.contains("derive"), "{plain}");
        let table = "serde = { path = \"/s\", default-features = false, features = [\"rc\"] }";
        let table = serde_line(graph_of(table, Some(("1.0.100", None))));
        for part in ["\"/s\"", "default-features", "rc", "derive"] {
            assert!(table.contains(part), "{table}");
        }
    }

    #[test]
    fn a_serde_that_cells_cannot_share_is_left_alone() {
        assert_eq!(graph_of("x = \"1\"", Some(("1.0.1", None))), Graph::Apart);
        assert_eq!(
            graph_of("x = \"1\"", Some(("0.9.15", Some(REGISTRY)))),
            Graph::Apart
        );
        let other = graph_of(
            "serde = { package = \"mine\", version = \"1\" }\nx = \"1\"",
            Some(("1.0.1", Some(REGISTRY))),
        );
        assert_eq!(other, Graph::Apart);
    }
}
