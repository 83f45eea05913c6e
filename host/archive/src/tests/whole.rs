//! Valid archives, also when they are truncated or changed.

use super::super::check::CheckedImage;
use super::super::form::Form;
use super::super::pack::Packing;
use super::made::{Image, Tar, descriptor, gzip, zstandard};
use super::{check, said};
use longshore_model::digest::Digest;
use longshore_model::platform::Platform;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use tar::EntryType;

#[test]
fn every_form_is_taken() {
    let plain = Tar::default().file("usr/a", b"a").entry("b", EntryType::Symlink, "../../c", b"").end();
    let image = Image::of(&[plain.clone(), Tar::default().file("d", &[7; 1000]).end(), plain]);
    let mut packed = image.clone();
    packed.layers = vec![gzip(&image.layers[0]), zstandard(&image.layers[1]), image.layers[2].clone()];
    let id = Digest::of(&image.config_bytes());
    for archive in [
        image.docker(),
        packed.docker(),
        gzip(&image.docker()),
        zstandard(&image.docker()),
        image.oci(&image.oci_manifest()),
        packed.oci(&packed.oci_manifest()),
        zstandard(&packed.oci(&packed.oci_manifest())),
    ] {
        let checked = check(&archive).unwrap();
        assert_eq!((checked.id, checked.layers.len()), (id, 3));
        let sizes: usize = image.layers.iter().map(Vec::len).sum();
        assert_eq!(checked.size(), sizes as u64);
    }
}

/// Two images with a layer in common: in the form of older engines, and as an OCI layout whose names have a registry.
fn two_images() -> ([Image; 2], [Vec<u8>; 2]) {
    let common = Tar::default().file("a", b"common").end();
    let images = [b"one", b"two"].map(|content| Image::of(&[common.clone(), Tar::default().file("b", content).end()]));
    let mut tar = Tar::default();
    let mut manifest = Vec::new();
    let (mut blobs, mut index) = (BTreeMap::new(), Vec::new());
    for (image, tag) in images.iter().zip(["one", "two"]) {
        tar = tar.file(&image.config_name(), &image.config_bytes());
        let name = |layer: &Vec<u8>| format!("{}/layer.tar", &Digest::of(layer).hex()[..32]);
        for layer in image.layers.iter().skip(usize::from(tag == "two")) {
            tar = tar.file(&name(layer), layer);
        }
        let layers: Vec<String> = image.layers.iter().map(name).collect();
        let names = [format!("team/base:{tag}"), "team/base:both".into(), format!("longshore/{tag}:1")];
        manifest.push(json!({"Config": image.config_name(), "RepoTags": names, "Layers": layers}));
        let blob = image.oci_manifest().to_string().into_bytes();
        let mut listed = descriptor("application/vnd.oci.image.manifest.v1+json", &blob);
        listed["annotations"] = json!({"io.containerd.image.name": format!("docker.io/longshore/{tag}:1")});
        index.push(listed);
        blobs.extend(
            [blob, image.config_bytes()].into_iter().chain(image.layers.clone()).map(|blob| (Digest::of(&blob), blob)),
        );
    }
    let docker = tar.file("manifest.json", json!(manifest).to_string().as_bytes()).end();
    let layout = Tar::default()
        .file("oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#)
        .file("index.json", json!({"manifests": index}).to_string().as_bytes());
    let oci =
        blobs.iter().fold(layout, |tar, (digest, blob)| tar.file(&format!("blobs/sha256/{}", digest.hex()), blob));
    (images, [docker, oci.end()])
}

/// Checks the image of a name.
fn named(archive: &[u8], name: &str) -> Result<Digest, String> {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(archive, 0).unwrap();
    let platform = Platform { os: "linux".into(), architecture: "amd64".into() };
    CheckedImage::named(file, name, &platform).map(|image| image.id).map_err(|error| said(&error))
}

#[test]
fn one_of_several_images_is_taken_by_its_name() {
    let (images, [docker, oci]) = two_images();
    for archive in [&docker, &oci] {
        for (image, tag) in images.iter().zip(["one", "two"]) {
            assert_eq!(named(archive, &format!("longshore/{tag}:1")), Ok(Digest::of(&image.config_bytes())));
        }
        let missing = named(archive, "longshore/three:1").unwrap_err();
        assert!(missing.starts_with("it has no image `longshore/three:1`, but `"), "{missing}");
        assert_eq!(check(archive).unwrap_err(), "it holds 2 images, but must hold one: export each separately");
    }
    assert_eq!(named(&docker, "team/base:both").unwrap_err(), "it has several images with the name `team/base:both`");
    let no_names = Image::small().oci(&Image::small().oci_manifest());
    assert_eq!(named(&no_names, "a:1").unwrap_err(), "it has no image `a:1`, but images without names");
}

#[test]
fn a_changed_byte_never_gives_the_image_of_another_name() {
    let (images, archives) = two_images();
    let expected = Digest::of(&images[0].config_bytes());
    for archive in archives {
        for at in (0..archive.len()).step_by(5) {
            let mut changed = archive.clone();
            changed[at] ^= 0x03;
            if let Ok(id) = named(&changed, "longshore/one:1") {
                assert_eq!(id, expected, "byte {at}");
            }
        }
    }
}

#[test]
fn what_is_written_is_taken_again_and_always_the_same() {
    let image = Image::small();
    let mut packed = image.clone();
    packed.layers = vec![gzip(&image.layers[0])];
    let mut written = Vec::new();
    for form in [Form::Docker, Form::Oci] {
        let write = |archive: &[u8]| {
            let checked = check(archive).unwrap();
            Packing::new(&checked, Some("longshore/imported:1"), form).write(Vec::new()).unwrap()
        };
        let archive = write(&image.docker());
        assert_eq!(archive, write(&packed.oci(&packed.oci_manifest())));
        assert_eq!(archive, write(&archive));
        // The archive's own image name does not appear.
        assert!(!String::from_utf8_lossy(&archive).contains("longshore/python"));
        written.push(archive);
    }
    assert!(String::from_utf8_lossy(&written[0]).contains(r#""RepoTags":["longshore/imported:1"]"#));
    assert!(!String::from_utf8_lossy(&written[1]).contains("RepoTags"));
}

#[test]
fn what_changes_after_its_check_goes_no_further() {
    let image = Image::small();
    let archive = image.docker();
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&archive, 0).unwrap();
    let checked = CheckedImage::of(file.try_clone().unwrap(), None).unwrap();
    let at = archive.windows(6).position(|window| window == b"hello\n").unwrap();
    let write = || Packing::new(&checked, None, Form::Docker).write(Vec::new()).map_err(|error| error.to_string());
    write().unwrap();
    for change in [|file: &File, at| file.write_all_at(b"j", at), |file: &File, at| file.set_len(at)] {
        change(&file, at as u64).unwrap();
        assert_eq!(write(), Err("the archive was changed while it was read".into()));
    }
}

#[test]
fn a_layer_that_comes_twice_may_be_a_link() {
    let layer = Tar::default().file("a", b"a").end();
    let image = Image::of(&[layer.clone(), layer.clone()]);
    let archive = Tar::default()
        .file(&image.config_name(), &image.config_bytes())
        .file("0/layer.tar", &layer)
        .entry("1/layer.tar", EntryType::Symlink, "../0/layer.tar", b"")
        .file("manifest.json", image.manifest().to_string().as_bytes())
        .end();
    assert_eq!(check(&archive).unwrap().layers.len(), 2);
}

#[test]
fn long_names_are_read_as_the_engine_reads_them() {
    let long = format!("{}/b", "a".repeat(300));
    let record = format!("path={long}\n");
    let length = record.len() + 4;
    let pax = format!("{length} {record}");
    let gnu = Tar::default().entry("././@LongLink", EntryType::GNULongName, "", format!("{long}\0").as_bytes());
    let layers = [
        Tar::default().entry("x", EntryType::XHeader, "", pax.as_bytes()).file("short", b"b").end(),
        gnu.file("short", b"b").end(),
    ];
    check(&Image::of(&layers).docker()).unwrap();
    let hidden = "13 path=../x\n";
    let layer = Tar::default().entry("x", EntryType::XHeader, "", hidden.as_bytes()).file("short", b"b").end();
    let error = check(&Image::of(&[layer]).docker()).unwrap_err();
    assert_eq!(error, "invalid layer `0/layer.tar`: the name `../x` leads out of its folder");
}

#[test]
fn nothing_that_is_cut_off_is_taken() {
    let image = Image::small();
    for archive in [
        image.docker(),
        image.oci(&image.oci_manifest()),
        gzip(&image.docker()),
        zstandard(&image.oci(&image.oci_manifest())),
    ] {
        check(&archive).unwrap();
        for length in 0..archive.len() {
            assert!(check(&archive[..length]).is_err(), "{length} bytes of {} were taken", archive.len());
        }
    }
}

#[test]
fn a_changed_byte_is_seen_or_changes_nothing() {
    let image = Image::small();
    for archive in [image.docker(), image.oci(&image.oci_manifest()), gzip(&image.docker())] {
        let expected = check(&archive).unwrap();
        for at in 0..archive.len() {
            let mut changed = archive.clone();
            changed[at] ^= 0x11;
            // A byte of padding, or the tag of `manifest.json`, has no meaning.
            if let Ok(taken) = check(&changed) {
                let same = (taken.id, taken.config_bytes, taken.layers[0].diff_id);
                let fine = (expected.id, expected.config_bytes.clone(), expected.layers[0].diff_id);
                assert!(same == fine, "byte {at} was changed, and something else was taken");
            }
        }
    }
}
