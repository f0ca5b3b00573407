//! How calls, events and the list of modules are declared: once, with everything that documents need.

/// Declares what can be asked of a module: number, name, who may ask, on which profiles, what it costs, fields.
///
/// The enum has a lifetime when a field borrows from the wire. Its encoding is its fields in order.
#[macro_export]
macro_rules! calls {
    ($(#[$meta:meta])* $visible:vis enum $name:ident<$wire:lifetime> { $($body:tt)* }) => {
        $crate::calls!(@emit [$(#[$meta])* $visible] $name [<$wire>] $wire { $($body)* });
    };
    ($(#[$meta:meta])* $visible:vis enum $name:ident { $($body:tt)* }) => {
        $crate::calls!(@emit [$(#[$meta])* $visible] $name [] 'wire { $($body)* });
    };
    (@emit [$(#[$meta:meta])* $visible:vis] $name:ident [$($generics:tt)*] $wire:lifetime {
        $(
            $(#[doc = $text:literal])+
            $number:literal $variant:ident $label:literal for $who:expr, on $profiles:expr, costs $cost:literal {
                $($(#[doc = $field_text:literal])+ $field:ident: $type:ty),* $(,)?
            }
        )*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        $visible enum $name $($generics)* {
            $($(#[doc = $text])+ $variant { $($(#[doc = $field_text])+ $field: $type),* },)*
        }

        impl<$wire> $crate::kernel::module::Calls<$wire> for $name $($generics)* {
            const METHODS: &'static [$crate::kernel::module::Method] = {
                use $crate::kernel::rights::{Profiles, Who};
                &[$($crate::kernel::module::Method {
                    number: $number,
                    name: $label,
                    text: concat!($($text, "\n"),+),
                    who: $who,
                    profiles: $profiles,
                    cost: $cost,
                    fields: $crate::fields!($($(#[doc = $field_text])+ $field: $type,)*),
                }),*]
            };

            #[inline]
            fn decode(
                method: u16,
                reader: &mut $crate::kernel::wire::Reader<$wire>,
            ) -> ::std::result::Result<Self, $crate::kernel::wire::Malformed> {
                match method {
                    $($number => Ok(Self::$variant {
                        $($field: $crate::kernel::wire::Decode::decode(reader)?,)*
                    }),)*
                    _ => {
                        let _ = reader;
                        Err($crate::kernel::wire::Malformed)
                    }
                }
            }

            #[inline]
            fn number(&self) -> u16 {
                match self {
                    $(Self::$variant { .. } => $number,)*
                }
            }

            #[inline]
            fn encode(&self, out: &mut ::std::vec::Vec<u8>) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        $($crate::kernel::wire::Encode::encode($field, out);)*
                        let _ = out;
                    })*
                }
            }
        }
    };
}

/// Declares what can happen in a module: number, name, fields.
///
/// The enum has a lifetime when a field borrows. Its encoding is its fields in order.
#[macro_export]
macro_rules! events {
    ($(#[$meta:meta])* $visible:vis enum $name:ident<$wire:lifetime> { $($body:tt)* }) => {
        $crate::events!(@emit [$(#[$meta])* $visible] $name [<$wire>] $wire { $($body)* });
    };
    ($(#[$meta:meta])* $visible:vis enum $name:ident { $($body:tt)* }) => {
        $crate::events!(@emit [$(#[$meta])* $visible] $name [] 'wire { $($body)* });
    };
    (@emit [$(#[$meta:meta])* $visible:vis] $name:ident [$($generics:tt)*] $wire:lifetime {
        $(
            $(#[doc = $text:literal])+
            $number:literal $variant:ident {
                $($(#[doc = $field_text:literal])+ $field:ident: $type:ty),* $(,)?
            }
        )*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        $visible enum $name $($generics)* {
            $($(#[doc = $text])+ $variant { $($(#[doc = $field_text])+ $field: $type),* },)*
        }

        impl<$wire> $name $($generics)* {
            /// Reads the fields of an event, for whoever follows the stream; all of the bytes.
            ///
            /// # Errors
            /// When they do not decode, or there is no such event.
            #[allow(dead_code, reason = "not every module's own code reads its events")]
            $visible fn decode(
                number: u16,
                fields: &$wire [u8],
            ) -> ::std::result::Result<Self, $crate::kernel::wire::Malformed> {
                let mut reader = $crate::kernel::wire::Reader::new(fields);
                let event = match number {
                    $($number => Self::$variant {
                        $($field: $crate::kernel::wire::Decode::decode(&mut reader)?,)*
                    },)*
                    _ => return Err($crate::kernel::wire::Malformed),
                };
                reader.end()?;
                Ok(event)
            }
        }

        impl $($generics)* $crate::kernel::module::Events for $name $($generics)* {
            const EVENTS: &'static [$crate::kernel::module::EventInfo] = &[
                $($crate::kernel::module::EventInfo {
                    number: $number,
                    name: stringify!($variant),
                    text: concat!($($text, "\n"),+),
                    fields: $crate::fields!($($(#[doc = $field_text])+ $field: $type,)*),
                }),*
            ];

            #[inline]
            fn number(&self) -> u16 {
                match self {
                    $(Self::$variant { .. } => $number,)*
                }
            }

            #[inline]
            fn encode(&self, out: &mut ::std::vec::Vec<u8>) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        $($crate::kernel::wire::Encode::encode($field, out);)*
                        let _ = out;
                    })*
                }
            }
        }
    };
}

/// The fields of a call or event as data.
#[doc(hidden)]
#[macro_export]
macro_rules! fields {
    ($($(#[doc = $text:literal])+ $field:ident: $type:ty,)*) => {
        &[$($crate::kernel::wire::Field {
            name: stringify!($field),
            kind: <$type as $crate::kernel::wire::Decode>::KIND,
            text: concat!($($text, "\n"),+),
        }),*]
    };
}

/// Declares the number that something is named by. In text and in bytes it is the bare number.
#[macro_export]
macro_rules! number {
    ($(#[$meta:meta])* $visible:vis struct $name:ident($inner:ty);) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
            ::borsh::BorshSerialize, ::borsh::BorshDeserialize,
            ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(transparent)]
        $visible struct $name(pub $inner);
    };
}

/// Declares one of several: an enum of names, whose place is its byte on the wire and in the state. New ones go to the end.
#[macro_export]
macro_rules! choices {
    (
        $(#[$meta:meta])*
        $visible:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident $label:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::borsh::BorshSerialize, ::borsh::BorshDeserialize,
        )]
        $visible enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in text.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }

        impl<'wire> $crate::kernel::wire::Decode<'wire> for $name {
            const KIND: $crate::kernel::wire::Kind =
                $crate::kernel::wire::Kind::Choice(stringify!($name), &[$($label),*]);

            fn decode(
                reader: &mut $crate::kernel::wire::Reader<'wire>,
            ) -> ::std::result::Result<Self, $crate::kernel::wire::Malformed> {
                let place = <u8 as $crate::kernel::wire::Decode>::decode(reader)?;
                let found = Self::ALL.get(usize::from(place)).copied();
                found.ok_or($crate::kernel::wire::Malformed)
            }
        }

        impl $crate::kernel::wire::Encode for $name {
            #[inline]
            fn encode(&self, out: &mut ::std::vec::Vec<u8>) {
                out.push(*self as u8);
            }
        }
    };
}

/// Declares the modules of a ledger by rising number: the only place that knows them all.
#[macro_export]
macro_rules! modules {
    ($(#[$meta:meta])* $visible:vis struct $name:ident { $($number:literal $module:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        $visible struct $name;

        impl $crate::kernel::module::Modules for $name {
            const CATALOG: &'static [$crate::kernel::module::ModuleInfo] = {
                $(assert!(<$module as $crate::kernel::module::Module>::ID == $number);)*
                &[$($crate::kernel::module::ModuleInfo::of::<$module>()),*]
            };

            const PHASES: &'static [(u16, bool, $crate::kernel::module::PhaseWork)] = &[$((
                $number,
                <$module as $crate::kernel::module::Module>::PHASES,
                <$module as $crate::kernel::module::Module>::on_block,
            )),*];

            fn stores() -> $crate::kernel::store::Stores {
                let mut stores = $crate::kernel::store::Stores::new();
                $(stores.add::<$module>();)*
                stores
            }

            fn call(
                call: $crate::kernel::envelope::CallView<'_>,
                cx: &mut $crate::kernel::context::Cx<'_>,
            ) -> ::std::result::Result<(), $crate::Code> {
                match call.module {
                    $($number => $crate::kernel::module::run::<$module>(call, cx),)*
                    _ => Err($crate::Code::UNKNOWN_MODULE),
                }
            }

            fn touches(
                call: $crate::kernel::envelope::CallView<'_>,
                set: &mut $crate::kernel::access::AccessSet,
            ) -> ::std::result::Result<(), $crate::Code> {
                match call.module {
                    $($number => $crate::kernel::module::touches::<$module>(call, set),)*
                    _ => Err($crate::Code::UNKNOWN_MODULE),
                }
            }

            fn trigger(
                module: u16,
                trigger: u64,
                data: &[u8],
                cx: &mut $crate::kernel::context::Cx<'_>,
            ) -> ::std::result::Result<(), $crate::Code> {
                match module {
                    $($number => <$module as $crate::kernel::module::Module>::on_trigger(trigger, data, cx),)*
                    _ => Err($crate::Code::UNKNOWN_MODULE),
                }
            }

            fn warm(
                stores: &$crate::kernel::store::Stores,
                set: &$crate::kernel::access::AccessSet,
            ) {
                $(<$module as $crate::kernel::module::Module>::warm(stores.read::<$module>(), set);)*
            }
        }
    };
}
