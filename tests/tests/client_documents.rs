//! Does a proof survive being written down, and does a document show what its bytes say and nothing else?

mod client_block;

use bds_client::json::{BlockReceiptsDocument, ProofDocument};
use bds_client::wire::BlockReceipts;
use bds_contracts::receipt::ReceiptProof;
use client_block::{block, proof, trust};
use serde_json::{Value, json};

/// Proofs travel as JSON files and as borsh bodies; both bring back the same proof.
#[test]
fn a_proof_survives_its_encodings() {
    let proof = proof(8, 4);
    let json = serde_json::to_vec(&ProofDocument::from(proof.clone())).expect("memory");
    let bytes = borsh::to_vec(&proof).expect("memory");
    let document: ProofDocument = serde_json::from_slice(&json).expect("own JSON");
    assert_eq!(ReceiptProof::from(document), proof);
    assert_eq!(
        borsh::from_slice::<ReceiptProof>(&bytes).expect("own bytes"),
        proof
    );
    let block = block(5);
    let json = serde_json::to_vec(&BlockReceiptsDocument::from(block.clone())).expect("memory");
    let document: BlockReceiptsDocument = serde_json::from_slice(&json).expect("own JSON");
    assert_eq!(BlockReceipts::from(document), block);
}

/// A document shows what its bytes say. One that shows anything else is refused, though its bytes are good: people read the
/// fields. Fields may be missing, the bytes may not.
#[test]
fn a_document_that_shows_what_its_bytes_do_not_say_is_refused() {
    let document = serde_json::to_value(ProofDocument::from(proof(8, 4))).expect("memory");
    let shown = &document["receipt"];
    assert_eq!(shown["kind"], "transaction");
    assert_eq!(shown["tx"], "04".repeat(64));
    assert_eq!((&shown["height"], &shown["index"]), (&json!(9), &json!(4)));
    assert_eq!((&shown["code"], &shown["call"]), (&json!(0), &json!(null)));
    assert_eq!(shown["message"], "receipt 4");

    let read = |receipt: Value| {
        let mut changed = document.clone();
        changed["receipt"] = receipt;
        serde_json::from_value::<ProofDocument>(changed)
    };
    let fields = shown.as_object().expect("an object");
    for name in fields.keys().filter(|name| *name != "bytes") {
        let mut lie = shown.clone();
        lie[name] = json!("another");
        let error = read(lie).expect_err(name);
        assert!(error.to_string().contains(name), "{error}");
    }
    let mut more = shown.clone();
    more["approved"] = json!(true);
    assert!(read(more).is_err());
    for bytes in [json!("zz"), json!("00"), json!(7), json!(null)] {
        let mut broken = shown.clone();
        broken["bytes"] = bytes;
        assert!(read(broken).is_err());
    }
    let mut without = shown.clone();
    without.as_object_mut().expect("an object").remove("bytes");
    assert!(read(without).is_err());
    let bare = read(json!({ "bytes": shown["bytes"] })).expect("bytes are enough");
    assert!(trust().verify_receipt(&bare.into()).is_ok());
}
