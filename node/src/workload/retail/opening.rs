//! What retail begins with: companies by genesis; that they may make what they make, by an authority, one transaction after the
//! other.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, PPM};
use bds_contracts::genesis::{Genesis, GenesisAccount, GenesisMember};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::kernel::envelope::CALLS_MAX;
use bds_contracts::retail::product::Scheme;
use bds_contracts::retail::{self, Call};
use bds_contracts::tx::{ChainId, ContentHash, Millis};

use super::{Retail, account, code};
use crate::workload::{DAY, GENESIS_TIME, bare_genesis, sender};

/// Days for which manufacturers are authorised.
const AUTHORISED_DAYS: u64 = 3_650;
/// Companies that one transaction lets begin, by two calls each.
const COMPANIES: usize = CALLS_MAX as usize / 2;

pub(super) fn genesis(retail: &Retail) -> Genesis {
    let config = &retail.config;
    let mut genesis = bare_genesis(format!("retail workload, seed {}", config.seed));
    genesis.members.push(GenesisMember {
        key: retail.authority.public_key(),
        roles: Roles::REGULATOR.with(Roles::CERTIFIER),
        name: "authority".to_owned(),
    });
    let roles = Roles::MANUFACTURER
        .with(Roles::CARRIER)
        .with(Roles::WAREHOUSE)
        .with(Roles::RETAILER);
    for (i, signer) in retail.companies.iter().enumerate() {
        genesis.members.push(GenesisMember {
            key: signer.public_key(),
            roles,
            name: format!("company {i}"),
        });
        let device = &retail.devices[i % config.clients];
        genesis.accounts.push(GenesisAccount {
            account: account(i),
            holder: HolderId(account(i).0),
            kind: AccountKind::Trading,
            currency: Currency::EUR,
            threshold: 1,
            representatives: vec![signer.public_key(), device.public_key()],
        });
    }
    for (i, signer) in retail.devices.iter().enumerate() {
        genesis.members.push(GenesisMember {
            key: signer.public_key(),
            roles: Roles::READER_DEVICE,
            name: format!("reading device {i}"),
        });
    }
    genesis
}

pub(super) fn transactions(retail: &Retail, chain: ChainId) -> Vec<Vec<u8>> {
    let mut authority = sender(&retail.authority, chain).in_order();
    let companies: Vec<usize> = (0..retail.config.keys).collect();
    companies
        .chunks(COMPANIES)
        .map(|companies| {
            let draft = companies.iter().fold(authority.draft(), |draft, &company| {
                let authorise = Call::AuthoriseManufacturer {
                    account: account(company),
                    from: GENESIS_TIME,
                    to: Millis(GENESIS_TIME.0 + AUTHORISED_DAYS * DAY),
                };
                let certify = Call::CertifyCode {
                    code: code(company),
                    scheme: Scheme::Own,
                    owner: account(company),
                    quota: u64::MAX,
                    content: 0,
                    yield_ppm: PPM,
                    certificate: ContentHash([1; 64]),
                };
                draft
                    .call::<retail::Retail>(&authorise)
                    .call::<retail::Retail>(&certify)
            });
            authority.sign(&draft)
        })
        .collect()
}
