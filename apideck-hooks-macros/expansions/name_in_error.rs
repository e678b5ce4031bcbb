// #[on("vault.connection.callabel")] async fn start_sync(event: ConnectionCallable, State(db): State<Db>) {}

::core::compile_error! {
    "no event is called `vault.connection.callabel`: did you mean `vault.connection.callable`?"
}
#[doc(hidden)]
///Handles ``.
#[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
struct start_sync {}
#[doc(hidden)]
#[allow(
    deprecated,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
const _: () = {
    use ::apideck_hooks as __apideck_hooks;
    const __ON: &[__apideck_hooks::__private::Selector] = &[
        __apideck_hooks::__private::Selector::Broken,
    ];
    const __PARAM_0: ::core::option::Option<&'static ::core::primitive::str> = {
        let needs = <ConnectionCallable as __apideck_hooks::FromDelivery>::NEEDS;
        match __apideck_hooks::__private::check_param(needs, 0usize, __ON) {
            ::core::option::Option::None => needs.transaction,
            ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
        }
    };
    const __PARAM_1: ::core::option::Option<&'static ::core::primitive::str> = {
        let needs = <State<Db> as __apideck_hooks::FromDelivery>::NEEDS;
        match __apideck_hooks::__private::check_param(needs, 1usize, __ON) {
            ::core::option::Option::None => needs.transaction,
            ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
        }
    };
    #[automatically_derived]
    impl __apideck_hooks::__private::Listed for start_sync {
        const ON: &'static [__apideck_hooks::__private::Selector] = &[
            __apideck_hooks::__private::Selector::Broken,
        ];
        const TRANSACTION: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::None;
    }
    #[automatically_derived]
    impl<__S: ::core::marker::Sync> __apideck_hooks::__private::Handle<__S>
    for start_sync {
        async fn call(
            _: &mut __apideck_hooks::__private::Incoming,
            _: &__S,
        ) -> __apideck_hooks::Outcome {
            __apideck_hooks::Outcome::Ignore
        }
    }
};
