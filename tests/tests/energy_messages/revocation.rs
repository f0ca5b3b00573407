//! UFTP's revocation of an offer, which none of the public messages is: it is written here, and takes back an offer that one of them made.

use bds_contracts::Code;
use bds_data::uftp::{Body, Message};
use bds_node::import::messages::Unmapped;

use super::uftp::{drive, message, offered};

fn revocation(offer: &str) -> Message {
    let text = format!(
        "<FlexOfferRevocation Version=\"3.0.0\" SenderDomain=\"xxx.com\" RecipientDomain=\"yyy.com\" \
         TimeStamp=\"2020-05-12T15:30:00\" MessageID=\"r\" ConversationID=\"c\" FlexOfferMessageID=\"{offer}\"/>"
    );
    Message::read(text.as_bytes()).expect("a message")
}

#[test]
fn an_offer_that_is_revoked_is_not_ordered() {
    let Some((mut stage, mut directory)) = offered(|_| ()) else {
        return;
    };
    let offer = message("TestFlexOffer.XML").expect("it is there");
    let revoked = revocation(&offer.id);
    assert_eq!(drive(&mut stage, &mut directory, &revoked), [Code::OK]);
    let gone = [Code::UNKNOWN_FLEX_OFFER];
    assert_eq!(drive(&mut stage, &mut directory, &revoked), gone);
    let order = message("TestFlexOrder.XML").expect("it is there");
    assert!(matches!(order.body, Body::FlexOrder { .. }));
    assert_eq!(drive(&mut stage, &mut directory, &order), gone);
    // An offer that nobody made has no number on the ledger.
    let told = directory.calls(&revocation("other"), &mut |_| {
        panic!("no call is made of it")
    });
    let unknown = Unmapped::Unknown {
        what: "offer",
        name: "other".to_owned(),
    };
    assert_eq!(told, Err(unknown));
}
