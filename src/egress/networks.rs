//! Which addresses may be reached. Pure.
//!
//! The internet, without what has an address there and is none of it: networks of one's own, this machine, the services of a
//! cloud's inside, IPv6 addresses that carry an IPv4 address past such rules, and those that nobody was given. src: the
//! special-purpose address registries of IANA (RFC 6890).

use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;

/// Networks that are refused, and what an address in them is.
const REFUSED: &[(&str, &str)] = &[
    ("0.0.0.0/8", "an address of this network"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "an address behind a carrier's NAT"),
    ("127.0.0.0/8", "a loopback address"),
    ("169.254.0.0/16", "a link-local address, where clouds have their metadata"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "an address for protocols"),
    ("192.0.2.0/24", "an address for documentation"),
    ("192.88.99.0/24", "an address of 6to4"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "an address for benchmarks"),
    ("198.51.100.0/24", "an address for documentation"),
    ("203.0.113.0/24", "an address for documentation"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "an address of this network"),
    ("::1/128", "a loopback address"),
    ("::/96", "an IPv4 address in the guise of an old form"),
    ("::ffff:0:0:0/96", "an IPv4 address in the guise of SIIT"),
    ("64:ff9b::/96", "an IPv4 address in the guise of NAT64"),
    ("64:ff9b:1::/48", "an IPv4 address in the guise of NAT64"),
    ("100::/64", "an address that discards"),
    ("2001::/23", "an address for protocols, Teredo among them"),
    ("2001:db8::/32", "an address for documentation"),
    ("2002::/16", "an IPv4 address in the guise of 6to4"),
    ("3fff::/20", "an address for documentation"),
    ("5f00::/16", "an address for segment routing"),
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a private address of an old kind"),
    ("ff00::/8", "a multicast address"),
    // All but 2000::/3, from which every address of the internet is given.
    ("::/3", "no address of the internet"),
    ("4000::/2", "no address of the internet"),
    ("8000::/1", "no address of the internet"),
];

/// Most networks that can be named: each request is compared with all of them.
const NETWORKS_MAX: usize = 1_000;

static TABLE: LazyLock<Vec<(IpNet, &str)>> =
    LazyLock::new(|| REFUSED.iter().filter_map(|(network, what)| Some((network.parse().ok()?, *what))).collect());

/// Networks that may be reached although they are refused otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads networks as in `127.0.0.0/8,10.1.0.0/16,::1`.
    ///
    /// # Errors
    /// The part that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let network = |part: &str| {
            let part = part.trim();
            let network = part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
            let network = network
                .map_err(|_| format!("`{part}` must be a network or an address, as in 127.0.0.0/8,10.1.0.0/16,::1"))?;
            exact(part, network)
        };
        if text.split(',').count() > NETWORKS_MAX {
            return Err(format!("there must be at most {NETWORKS_MAX} networks"));
        }
        text.split(',').map(network).collect::<Result<_, _>>().map(Self)
    }

    /// Says why an address may not be reached, if it may not.
    pub fn refusal(&self, address: IpAddr) -> Option<Refusal> {
        // `::ffff:1.2.3.4` is dialled as 1.2.3.4.
        let address = address.to_canonical();
        if self.0.iter().any(|network| network.contains(&address)) {
            return None;
        }
        let (network, what) = TABLE
            .iter()
            .filter(|(network, _)| network.contains(&address))
            .max_by_key(|(network, _)| network.prefix_len())?;
        Some(Refusal { address, network: *network, what })
    }
}

/// The network, if it is what whoever wrote it sees: `10.1.2.3/8` is all of 10.0.0.0/8, and no address is in
/// `::ffff:127.0.0.1`, since it is dialled as 127.0.0.1.
fn exact(part: &str, network: IpNet) -> Result<IpNet, String> {
    if network.trunc() != network {
        let (whole, one) = (network.trunc(), network.addr());
        return Err(format!(
            "`{part}` has bits behind its prefix: it must be {whole} for the network or {one} for the address"
        ));
    }
    match network.addr() {
        IpAddr::V6(address) if network.prefix_len() >= 96 => match address.to_ipv4_mapped() {
            Some(inner) => Err(format!("`{part}` must be written as IPv4: {inner}/{}", network.prefix_len() - 96)),
            None => Ok(network),
        },
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(network),
    }
}

/// Why an address may not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    address: IpAddr,
    network: IpNet,
    what: &'static str,
}

impl Refusal {
    /// What the address is.
    pub const fn what(&self) -> &'static str {
        self.what
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, network, what } = self;
        write!(f, "refused: {address} is {what} ({network}); allow it with --egress-allow")
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    /// The first and the last address of a network.
    fn ends(network: IpNet) -> [IpAddr; 2] {
        [network.network(), network.broadcast()]
    }

    /// The addresses right before and right after a network, where there are such.
    fn neighbours(network: IpNet) -> Vec<IpAddr> {
        match (network.network(), network.broadcast()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let before = u32::from(first).checked_sub(1).map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
                let after = u32::from(last).checked_add(1).map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
                before.into_iter().chain(after).collect()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let before = u128::from(first).checked_sub(1).map(|bits| IpAddr::V6(Ipv6Addr::from(bits)));
                let after = u128::from(last).checked_add(1).map(|bits| IpAddr::V6(Ipv6Addr::from(bits)));
                before.into_iter().chain(after).collect()
            }
            _ => unreachable!("a network is of one family"),
        }
    }

    #[test]
    fn each_line_of_the_table_is_refused_from_its_first_address_to_its_last() {
        assert_eq!(TABLE.len(), REFUSED.len(), "a line is no network");
        for (network, what) in TABLE.iter() {
            for address in ends(*network) {
                let refusal = Networks::default().refusal(address);
                // A narrower line may speak for its part.
                assert!(refusal.is_some_and(|refusal| network.contains(&refusal.network)), "{address}: {what}");
            }
            for address in neighbours(*network) {
                let is_in_another = TABLE.iter().any(|(other, _)| other.contains(&address.to_canonical()));
                assert_eq!(
                    Networks::default().refusal(address).is_some(),
                    is_in_another,
                    "{address}, beside {network}"
                );
            }
        }
    }

    #[test]
    fn what_must_not_be_reached_is_not() {
        let rows = [
            ("127.0.0.1", "a loopback address"),
            ("10.0.0.1", "a private address"),
            ("172.31.255.255", "a private address"),
            ("192.168.1.1", "a private address"),
            ("169.254.169.254", "metadata"),
            ("100.64.0.1", "carrier"),
            ("100.100.100.200", "carrier"), // Alibaba's metadata
            ("192.0.0.192", "protocols"),   // Oracle's
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("0.0.0.0", "this network"),
            ("::", "this network"),
            ("::1", "a loopback address"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("::ffff:a9fe:a9fe", "metadata"),
            ("::127.0.0.1", "old form"),
            ("64:ff9b::7f00:1", "NAT64"),
            ("64:ff9b:1::a9fe:a9fe", "NAT64"),
            ("2002:7f00:1::", "6to4"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
            ("fd00:ec2::254", "a private address"), // Amazon's metadata
            ("fe80::1", "link-local"),
            ("fec0::1", "old kind"),
            ("ff02::1", "multicast"),
            ("::ffff:0:7f00:1", "SIIT"),
            ("::ffff:0:169.254.169.254", "SIIT"),
            ("1fff::1", "no address of the internet"),
            ("4000::1", "no address of the internet"),
            ("8000::1", "no address of the internet"),
            ("fbff::1", "no address of the internet"),
            ("200::1", "no address of the internet"), // an old guise of addresses of other networks
        ];
        for (text, what) in rows {
            let refusal = Networks::default().refusal(address(text)).unwrap_or_else(|| panic!("{text} may be reached"));
            assert!(refusal.to_string().contains(what), "{text}: {refusal}");
        }
    }

    #[test]
    fn the_internet_may_be_reached() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "223.255.255.255",
        ] {
            assert_eq!(Networks::default().refusal(address(text)), None, "{text}");
            let mapped = IpAddr::V6(text.parse::<Ipv4Addr>().expect(text).to_ipv6_mapped());
            assert_eq!(Networks::default().refusal(mapped), None, "{mapped}");
        }
        for text in ["2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888", "2003::1", "3ffe::1"] {
            assert_eq!(Networks::default().refusal(address(text)), None, "{text}");
        }
    }

    #[test]
    fn what_is_allowed_may_be_reached_and_nothing_beside_it() {
        let allowed = Networks::parse("127.0.0.0/8, 10.1.0.0/16,::1").expect("networks");
        for text in ["127.0.0.1", "10.1.255.255", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(allowed.refusal(address(text)), None, "{text}");
        }
        for text in ["10.2.0.0", "169.254.169.254", "::2"] {
            assert!(allowed.refusal(address(text)).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_with_the_part() {
        let many = vec!["10.0.0.0/8"; NETWORKS_MAX + 1].join(",");
        for (text, part) in [
            ("", "``"),
            ("10.0.0.0/33", "`10.0.0.0/33`"),
            ("::1,localhost", "`localhost`"),
            ("127.1", "`127.1`"),
            ("10.1.2.3/8", "10.0.0.0/8 for the network or 10.1.2.3 for the address"),
            ("fd00::1/8", "fd00::/8"),
            ("::ffff:127.0.0.1", "127.0.0.1/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            (many.as_str(), "at most 1000"),
        ] {
            let refusal = Networks::parse(text).expect_err(text);
            assert!(refusal.contains(part), "{refusal}");
        }
    }
}
