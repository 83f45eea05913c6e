//! Archives that are damaged, inconsistent or harmful, each with its exact error.

use super::super::contents::Contents;
use super::super::layer::{Allowance, Layer};
use super::super::limits::{LAYERS_MAX, PARTS_MAX};
use super::made::{Image, Tar, descriptor, gzip, zstandard};
use super::{check, said};
use longshore_model::digest::Digest;
use serde_json::{Value, json};
use std::io::Write;
use tar::EntryType;

fn refused(archive: &[u8], expected: &str) {
    match check(archive) {
        Ok(_) => panic!("it was taken, and should have been refused: {expected}"),
        Err(error) => assert_eq!(error, expected),
    }
}

/// An archive with a changed manifest.
fn with_manifest(change: impl FnOnce(&Image, &mut Value)) -> Vec<u8> {
    let image = Image::small();
    let mut manifest = image.manifest();
    change(&image, &mut manifest);
    image.parts().file("manifest.json", manifest.to_string().as_bytes()).end()
}

/// An archive with a changed configuration.
fn with_config(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut image = Image::small();
    change(&mut image.config);
    image.docker()
}

/// An OCI layout with a changed manifest.
fn with_oci_manifest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let image = Image::small();
    let mut manifest = image.oci_manifest();
    change(&mut manifest);
    image.oci(&manifest)
}

/// An archive with an unreferenced entry in front.
fn with_entry(name: &str, kind: EntryType, link: &str) -> Vec<u8> {
    let mut archive = Tar::default().entry(name, kind, link, b"").0;
    archive.extend(Image::small().docker());
    archive
}

/// An archive with an additional entry in its layer.
fn with_layer_entry(name: &str, kind: EntryType, link: &str) -> Vec<u8> {
    Image::of(&[Tar::default().entry(name, kind, link, b"").end()]).docker()
}

#[test]
fn what_is_no_archive() {
    for nothing in [&b""[..], b"#!/bin/sh\n", &[0xff; 600]] {
        refused(nothing, "invalid archive: it is not a tar archive");
    }
    refused(&Tar::default().end(), "it holds no image: it has neither a `manifest.json` nor an `index.json`");
    refused(
        &Tar::default().file("etc/passwd", b"root").end(),
        "it holds no image: it has neither a `manifest.json` nor an `index.json`",
    );
    let mut damaged = Image::small().docker();
    let second = 512 + Image::small().config_bytes().len().next_multiple_of(512);
    damaged[second] ^= 1;
    let said = format!("invalid archive: it is damaged: there is no entry header at byte {second}");
    refused(&damaged, &said);
    let mut trailing = Image::small().docker();
    trailing.extend([1; 512]);
    refused(&trailing, "invalid archive: data follows its end");
    let mut padded = Image::small().docker();
    padded.resize(padded.len() + 10_240, 0);
    check(&padded).unwrap();
    padded.resize(padded.len() + (2 << 20), 0);
    refused(&padded, "invalid archive: data follows its end");
}

#[test]
fn what_is_cut_off() {
    let whole = Image::small().docker();
    let missing = "invalid archive: it is cut off: it ends within its end marker, which is missing";
    refused(&whole[..whole.len() - 1024], missing);
    refused(&whole[..whole.len() - 1], "invalid archive: it is cut off: it ends within its end marker");
    refused(&whole[..1500], "invalid archive: it is cut off: it ends within the header at byte 1024");
    let cut = &whole[..whole.len() - 1200];
    refused(cut, "invalid archive: it is cut off: it ends within `manifest.json`");
    let packed = zstandard(&whole);
    refused(&packed[..packed.len() - 1], "it cannot be read: incomplete frame");
}

#[test]
fn names_that_lead_elsewhere() {
    let wrong = |said: &str| format!("invalid archive: {said}");
    let file = EntryType::Regular;
    refused(&with_entry("/etc/passwd", file, ""), &wrong("the name `/etc/passwd` is absolute"));
    refused(&with_entry("../x", file, ""), &wrong("the name `../x` leads out of its folder"));
    refused(&with_entry("a/../../x", file, ""), &wrong("the name `a/../../x` leads out of its folder"));
    let link = wrong("the link `a` leads out of the archive, to `../../etc/passwd`");
    refused(&with_entry("a", EntryType::Symlink, "../../etc/passwd"), &link);
    let link = wrong("the link `a` leads out of the archive, to `/etc/passwd`");
    refused(&with_entry("a", EntryType::Symlink, "/etc/passwd"), &link);
    refused(&with_entry("a", EntryType::Link, "/etc/passwd"), &link);
    let link = wrong("the link `a/b` leads out of the archive, to `../x`");
    refused(&with_entry("a/b", EntryType::Link, "../x"), &link);
    let device = wrong("the entry `null` is a device, which is not allowed there");
    refused(&with_entry("null", EntryType::Char, ""), &device);
    refused(&with_entry("null", EntryType::Block, ""), &device);
    let pipe = wrong("the entry `a` is a pipe, which is not allowed there");
    refused(&with_entry("a", EntryType::Fifo, ""), &pipe);
    let odd = wrong("the entry `a` is of the kind `Z`, which is not allowed there");
    refused(&with_entry("a", EntryType::new(b'Z'), ""), &odd);
    let twice = wrong("the name `manifest.json` occurs twice");
    refused(&with_entry("manifest.json", file, ""), &twice);
    refused(&with_entry("./manifest.json", EntryType::Directory, ""), &twice);
}

#[test]
fn names_in_layers_that_lead_elsewhere() {
    let wrong = |said: &str| format!("invalid layer `0/layer.tar`: {said}");
    let file = EntryType::Regular;
    refused(&with_layer_entry("/etc/passwd", file, ""), &wrong("the name `/etc/passwd` is absolute"));
    refused(&with_layer_entry("a/../../x", file, ""), &wrong("the name `a/../../x` leads out of its folder"));
    refused(&with_layer_entry("a/.wh...", file, ""), &wrong("the name `a/.wh...` leads out of its folder"));
    let link = wrong("the link `a/b` leads out of the archive, to `../x`");
    refused(&with_layer_entry("a/b", EntryType::Link, "../x"), &link);
    let odd = wrong("the entry `a` is of the kind `Z`, which is not allowed there");
    refused(&with_layer_entry("a", EntryType::new(b'Z'), ""), &odd);
    // Devices in a container are left to the container's rules.
    check(&with_layer_entry("dev/null", EntryType::Char, "")).unwrap();
    check(&with_layer_entry("a", EntryType::Symlink, "/etc/passwd")).unwrap();
}

#[test]
fn manifests_that_do_not_fit() {
    refused(
        &with_manifest(|_, manifest| *manifest = json!([])),
        "it holds 0 images, but must hold one: export each separately",
    );
    let two = with_manifest(|_, manifest| *manifest = json!([manifest[0], manifest[0]]));
    refused(&two, "it holds 2 images, but must hold one: export each separately");
    let text = Image::small().parts().file("manifest.json", b"[{]").end();
    refused(&text, "cannot parse `manifest.json`: key must be a string at line 1 column 3");
    let missing = with_manifest(|_, manifest| manifest[0]["Layers"] = json!(["1/layer.tar"]));
    refused(&missing, "`1/layer.tar` is missing: `manifest.json` names it");
    let outside = with_manifest(|_, manifest| manifest[0]["Config"] = json!("../../etc/passwd"));
    refused(&outside, "invalid archive: the name `../../etc/passwd` leads out of its folder");
    let fewer = with_manifest(|_, manifest| manifest[0]["Layers"] = Value::Null);
    refused(&fewer, "the manifest names 0 layers, but the configuration 1");
    let many = with_manifest(|_, manifest| manifest[0]["Layers"] = json!(vec!["0/layer.tar"; LAYERS_MAX + 1]));
    refused(&many, "the image has 128 layers; the limit is 127");
    let large = Image::small().parts().file("manifest.json", &vec![b' '; (1 << 20) + 1]).end();
    refused(&large, "`manifest.json` is too large: it has 1048577 bytes; the limit is 1048576");
    let link = with_entry("loop", EntryType::Symlink, "loop");
    check(&link).unwrap();
}

#[test]
fn configurations_that_do_not_fit() {
    let other = with_config(|config| config["architecture"] = json!("arm64"));
    refused(&other, "the image is for `linux/arm64`, but this engine runs `linux/amd64`");
    let other = with_config(|config| config["os"] = json!("windows"));
    refused(&other, "the image is for `windows/amd64`, but this engine runs `linux/amd64`");
    let image = Image::small();
    let changed = Tar::default()
        .file(&image.config_name(), b"{}")
        .file("0/layer.tar", &image.layers[0])
        .file("manifest.json", image.manifest().to_string().as_bytes())
        .end();
    let (name, found) = (image.config_name(), Digest::of(b"{}"));
    let expected = name.trim_end_matches(".json");
    let said = format!("`{name}` is damaged: its digest is `{found}` instead of `sha256:{expected}`");
    refused(&changed, &said);
    let error = check(&with_config(|config| config["rootfs"]["type"] = json!("files"))).unwrap_err();
    assert!(error.ends_with("has the `rootfs.type` `files`, but only `layers` is valid"), "{error}");
    let error = check(&with_config(|config| config["rootfs"]["diff_ids"] = json!(["md5:1"]))).unwrap_err();
    assert!(error.ends_with("has the `diff_id` `md5:1`, but it must be `sha256:` and 64 digits"), "{error}");
    let error = check(&with_config(|config| config["config"]["Labels"] = json!([1]))).unwrap_err();
    assert!(error.contains("`: invalid type: sequence, expected a map"), "{error}");
}

#[test]
fn layers_that_are_not_what_they_should_be() {
    let mut image = Image::small();
    let expected = Digest::of(&image.layers[0]);
    image.layers[0][512] ^= 1;
    let found = Digest::of(&image.layers[0]);
    let said = format!("`0/layer.tar` is damaged: its digest is `{found}` instead of `{expected}`");
    refused(&image.docker(), &said);
    image.layers[0] = b"text".to_vec();
    refused(&image.docker(), "invalid layer `0/layer.tar`: it is not a tar archive");
    image.layers[0] = gzip(&Image::small().layers[0]);
    image.layers[0].truncate(40);
    let error = check(&image.docker()).unwrap_err();
    assert!(error.starts_with("invalid layer `0/layer.tar`: it cannot be read: "), "{error}");
}

#[test]
fn layouts_that_do_not_fit() {
    let image = Image::small();
    let layer = Digest::of(&image.layers[0]);
    let said = format!("`blobs/sha256/{}` has 2048 bytes instead of 7", layer.hex());
    refused(&with_oci_manifest(|manifest| manifest["layers"][0]["size"] = json!(7)), &said);
    let foreign = with_oci_manifest(|manifest| manifest["layers"][0]["mediaType"] = json!("text/plain"));
    let error = check(&foreign).unwrap_err();
    assert!(
        error.ends_with("the media type `text/plain`, but it must be that of a layer, not encrypted or foreign"),
        "{error}"
    );
    let elsewhere = with_oci_manifest(|manifest| manifest["layers"][0]["digest"] = json!("sha256:../../etc/passwd"));
    let error = check(&elsewhere).unwrap_err();
    assert!(error.ends_with("the digest `sha256:../../etc/passwd`, but it must be `sha256:` and 64 digits"), "{error}");
    let absent = Digest::of(b"absent");
    let missing = with_oci_manifest(|manifest| manifest["config"]["digest"] = json!(absent.to_string()));
    let error = check(&missing).unwrap_err();
    assert!(error.starts_with(&format!("`blobs/sha256/{}` is missing: `blobs/sha256/", absent.hex())), "{error}");
    let mut changed = image.oci(&image.oci_manifest());
    let at = changed.windows(6).position(|window| window == b"hello\n").unwrap();
    changed[at] ^= 1;
    let error = check(&changed).unwrap_err();
    assert!(error.starts_with(&format!("`blobs/sha256/{}` is damaged: its digest is ", layer.hex())), "{error}");
    let index = |index: Value| {
        Tar::default()
            .file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)
            .file("index.json", index.to_string().as_bytes())
            .end()
    };
    let one = descriptor("application/vnd.oci.image.manifest.v1+json", b"{}");
    refused(&index(json!({"manifests": [one, one]})), "it holds 2 images, but must hold one: export each separately");
    refused(&Tar::default().file("index.json", b"{}").end(), "`oci-layout` is missing: `index.json` names it");
}

#[test]
fn more_than_any_image_has() {
    let many = (0..=PARTS_MAX).fold(Tar::default(), |tar, number| tar.file(&number.to_string(), b""));
    refused(&many.end(), "invalid archive: it has more than 1024 entries");
    let mut header = tar::Header::new_gnu();
    header.set_size(1 << 40);
    header.as_old_mut().name[0] = b'a';
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    let huge = "invalid archive: the entry at byte 0 has a header that is not valid: its size is beyond all limits";
    refused(header.as_bytes(), huge);
    // One part used as many layers, each of which would be read.
    let many = with_oci_manifest(|manifest| {
        manifest["layers"][0]["size"] = json!(1_u64 << 30);
        manifest["layers"] = json!(vec![manifest["layers"][0].clone(); 33]);
    });
    refused(&many, "it is too large: it has 35433480192 bytes; the limit is 34359738368");
    let long = Tar::default().entry("@", EntryType::GNULongName, "", &[b'a'; 4097]).end();
    let said = "invalid archive: the entry at byte 0 has a name or attributes of 4097 bytes; the limit is 4096";
    refused(&long, said);
}

#[test]
fn what_unpacks_without_end() {
    // Two zero blocks are the end of any tar archive; the digest is of all of it.
    let mut image = Image::small();
    image.layers[0] = zstandard(&[0; 3 << 20]);
    let file = tempfile::tempfile().unwrap();
    (&file).write_all(&image.docker()).unwrap();
    let contents = Contents::read(file).unwrap();
    let part = contents.part("0/layer.tar", "manifest.json").unwrap();
    let mut allowance = Allowance { bytes: 1 << 20, files: 9 };
    let error = Layer::check(&contents, part, Digest::of(b""), &mut allowance).unwrap_err();
    let expected = "invalid layer `0/layer.tar`: it cannot be read: it unpacks to more than 1048576 bytes";
    assert_eq!(said(&error), expected);
    let files = Tar::default().file("a", b"").file("b", b"").end();
    let mut allowance = Allowance { bytes: 1 << 20, files: 1 };
    let file = tempfile::tempfile().unwrap();
    (&file).write_all(&Image::of(&[files]).docker()).unwrap();
    let contents = Contents::read(file).unwrap();
    let part = contents.part("0/layer.tar", "manifest.json").unwrap();
    let error = Layer::check(&contents, part, Digest::of(b""), &mut allowance).unwrap_err();
    assert_eq!(said(&error), "invalid layer `0/layer.tar`: it has more than 1 entries");
}
