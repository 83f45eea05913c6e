//! The container engine that tests use, and what they need of it: its socket, its own command line, images, and the address
//! at which containers reach this machine. What is missing is said in a sentence; nothing is concluded from an answer
//! that may be empty for another reason. An engine that has just started for the first time is enough.

#![allow(dead_code, unused_imports, reason = "each test takes what it needs of it")]

mod before;

pub(crate) use before::{Fate, stand_before};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Where the engine listens: as `DOCKER_HOST` says, else where it usually is.
pub(crate) fn socket() -> PathBuf {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let path = host.as_deref().map(|host| {
        host.strip_prefix("unix://")
            .unwrap_or_else(|| panic!("DOCKER_HOST is `{host}`: tests need a socket, `unix://…`"))
    });
    let socket = PathBuf::from(path.unwrap_or("/var/run/docker.sock"));
    assert!(socket.exists(), "tests need a container engine at `{}`: `images/engine` starts one", socket.display());
    socket
}

/// Calls `docker`, which must succeed, and gives what it prints.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = docker_may_fail(arguments);
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    String::from_utf8(output.stdout).unwrap()
}

/// Calls `docker`.
pub(crate) fn docker_may_fail(arguments: &[&str]) -> Output {
    let output = Command::new("docker").args(arguments).output();
    output.unwrap_or_else(|error| panic!("tests need the command `docker`, which `images/engine` installs: {error}"))
}

/// Whether the engine has an image. An engine that does not answer is a failure.
pub(crate) fn has_image(name: &str) -> bool {
    let output = docker_may_fail(&["image", "inspect", "--format", "{{.Id}}", name]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || said.contains("No such image"), "docker image inspect {name}: {}", said.trim());
    output.status.success()
}

/// An image that a test is built on.
pub(crate) fn needed(image: &str) -> &str {
    assert!(has_image(image), "tests need the image `{image}`, which `make images` makes");
    image
}

/// The address at which containers on the engine's usual network reach this machine.
pub(crate) fn address() -> IpAddr {
    // The gateway itself is named only by an engine that was started before.
    let format = "{{range .IPAM.Config}}{{.Subnet}} {{end}}";
    let networks = docker(&["network", "inspect", "bridge", "--format", format]);
    networks.split_whitespace().find_map(own_address_in).unwrap_or_else(|| {
        panic!(
            "containers cannot reach this machine, which has no address in `{}`, the engine's network `bridge`: these tests \
             need an engine on this machine, with that network",
            networks.trim()
        )
    })
}

/// This machine's address in a network: the one from which it would send something there.
fn own_address_in(network: &str) -> Option<IpAddr> {
    let (start, bits) = network.split_once('/')?;
    let (start, bits): (Ipv4Addr, u32) = (start.parse().ok()?, bits.parse().ok()?);
    let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0);
    let start = u32::from(start) & mask;
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // It only chooses a route: nothing is sent.
    socket.connect((Ipv4Addr::from(start | 2), 9)).ok()?;
    let IpAddr::V4(own) = socket.local_addr().ok()?.ip() else { return None };
    (u32::from(own) & mask == start).then_some(IpAddr::V4(own))
}
