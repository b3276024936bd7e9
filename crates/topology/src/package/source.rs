//! What a user names on the command line, packed.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use storm_thrift::types::ComponentObject;

use super::PackageError;
use super::program::{NATIVE_BINARY, describe};
use crate::TopologyDescription;
use crate::builder::Topology;
use crate::builtins::{BUILTIN_KEY, Builtin};
use crate::flux::{self, FluxOptions};
use crate::jar::resources::{files_of, script_of_program, shell_script_of_builtin, storm_py};
use crate::jar::{Jar, Resource, ResourceData, extract_resources, pack};
use crate::system::{SystemTopology, component_conf, normalise};

/// How a package is made.
#[derive(Debug, Clone)]
pub struct PackageOptions {
    /// For Flux files.
    pub flux: FluxOptions,
    /// How long a program may take to describe its topology.
    pub patience: Duration,
}

impl Default for PackageOptions {
    fn default() -> Self {
        PackageOptions { flux: FluxOptions::default(), patience: Duration::from_secs(60) }
    }
}

/// A topology jar and what is in it.
pub struct Package {
    description: TopologyDescription,
    jar: PathBuf,
    /// Holds a jar that was made here; it goes with the package.
    _made: Option<tempfile::TempDir>,
}

impl Package {
    /// Packs a Flux file or a topology program, or opens a topology jar. The topology is checked.
    pub fn open(path: &Path, options: &PackageOptions) -> Result<Package, PackageError> {
        let read = |cause| PackageError::Read { path: path.to_owned(), cause };
        let metadata = fs::metadata(path).map_err(read)?;
        if metadata.is_dir() {
            return Err(PackageError::Unknown { path: path.to_owned() });
        }
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        if matches!(extension.as_str(), "yaml" | "yml") {
            let flux = flux::load(path, &options.flux)?;
            return Package::make(flux.topology.describe(), flux.resources, None);
        }
        let mut magic = [0; 4];
        let magic_read = File::open(path).and_then(|mut f| f.read(&mut magic)).map_err(read)?;
        if &magic[..magic_read] == b"PK\x03\x04" || matches!(extension.as_str(), "jar" | "zip") {
            return Package::of_jar(path);
        }
        if metadata.permissions().mode() & 0o111 != 0 {
            return Package::of_program(path, options);
        }
        Err(PackageError::Unknown { path: path.to_owned() })
    }

    /// Packs a topology of built-in and multilang components, with the files of its resource folders.
    pub fn of_topology(topology: &Topology) -> Result<Package, PackageError> {
        Package::make(topology.describe(), Vec::new(), None)
    }

    fn of_jar(path: &Path) -> Result<Package, PackageError> {
        let mut jar = Jar::open(path)?;
        let description = jar.description()?.ok_or_else(|| PackageError::ForeignJar { path: path.to_owned() })?;
        check(&description)?;
        Ok(Package { description, jar: path.to_owned(), _made: None })
    }

    fn of_program(path: &Path, options: &PackageOptions) -> Result<Package, PackageError> {
        // Without a slash a program would be looked for in PATH.
        let program = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut description = describe(&program, options.patience)?;
        let name = program.file_name().map_or_else(|| "topology".to_owned(), |n| n.to_string_lossy().into_owned());
        description.conf.insert(NATIVE_BINARY.to_owned(), name.clone().into());
        let mut resources: Vec<_> = description.natives.iter().map(|id| script_of_program(id, &name, id)).collect();
        resources.push(Resource { name: name.clone(), data: ResourceData::File(program), executable: true });
        Package::make(description, resources, Some(&name))
    }

    /// `program` is among the resources.
    fn make(
        mut description: TopologyDescription,
        mut resources: Vec<Resource>,
        program: Option<&str>,
    ) -> Result<Package, PackageError> {
        check(&description)?;
        for dir in std::mem::take(&mut description.resource_dirs) {
            let path = PathBuf::from(dir);
            resources.extend(files_of(&path).map_err(|cause| PackageError::Read { path, cause })?);
        }
        resources.extend(scripts_of_builtins(&description, program));
        let read = |cause| PackageError::Read { path: PathBuf::from("resources"), cause };
        resources.extend(storm_py(&resources).map_err(read)?);
        let made = tempfile::Builder::new().prefix("storm-jar-").tempdir();
        let made = made.map_err(|cause| PackageError::Read { path: std::env::temp_dir(), cause })?;
        let jar = made.path().join("topology.jar");
        pack(&description, resources, &jar)?;
        Ok(Package { description, jar, _made: Some(made) })
    }

    /// The topology.
    pub fn description(&self) -> &TopologyDescription {
        &self.description
    }

    /// The file.
    pub fn jar(&self) -> &Path {
        &self.jar
    }

    /// Puts the resources into a folder, which must not exist or be empty, for a topology that is run here.
    pub fn extract_resources(&self, dest: &Path) -> Result<usize, PackageError> {
        Ok(extract_resources(&self.jar, dest)?)
    }
}

fn check(d: &TopologyDescription) -> Result<(), PackageError> {
    normalise(&d.topology, &d.conf).and_then(|t| SystemTopology::derive(&t, &d.conf))?;
    Ok(())
}

/// What starts the built-in components on Apache Storm.
fn scripts_of_builtins(d: &TopologyDescription, program: Option<&str>) -> Vec<Resource> {
    let spouts = d.topology.spouts.iter().map(|(id, s)| (id, &s.spout_object, &s.common));
    let bolts = d.topology.bolts.iter().map(|(id, b)| (id, &b.bolt_object, &b.common));
    spouts
        .chain(bolts)
        .filter(|(_, object, _)| matches!(object, ComponentObject::Shell(_)))
        .filter_map(|(id, _, common)| {
            let own = component_conf(id, common).ok()?;
            let builtin = Builtin::from_json(own.get(BUILTIN_KEY)?).ok()?;
            Some(match program {
                Some(program) => script_of_program(id, program, &builtin.to_json().to_string()),
                None => shell_script_of_builtin(id, &builtin),
            })
        })
        .collect()
}
