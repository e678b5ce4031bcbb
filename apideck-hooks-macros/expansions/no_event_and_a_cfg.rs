// #[on("*", crate = hooks)] #[cfg(unix)] #[doc = "Counts."] async fn count(delivery: Delivery) -> Outcome { Outcome::Done }

#[cfg(unix)]
#[doc(hidden)]
///Handles `*`.
#[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
struct count {}
#[cfg(unix)]
#[doc(hidden)]
#[allow(
    deprecated,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
const _: () = {
    use hooks as __apideck_hooks;
    const __ON: &[__apideck_hooks::__private::Selector] = &[
        __apideck_hooks::__private::Selector::Pattern {
            prefix: "",
            first: 0u16,
            end: 140u16,
        },
    ];
    const __PARAM_0: ::core::option::Option<&'static ::core::primitive::str> = {
        let needs = <Delivery as __apideck_hooks::FromDelivery>::NEEDS;
        match __apideck_hooks::__private::check_param(needs, 0usize, __ON) {
            ::core::option::Option::None => needs.transaction,
            ::core::option::Option::Some(fault) => ::core::panic!("{}", fault.as_str()),
        }
    };
    #[automatically_derived]
    impl __apideck_hooks::__private::Listed for count {
        const ON: &'static [__apideck_hooks::__private::Selector] = {
            let _ = __PARAM_0;
            __ON
        };
        const TRANSACTION: ::core::option::Option<&'static ::core::primitive::str> = match __apideck_hooks::__private::one_transaction(
            &[__PARAM_0],
        ) {
            ::core::result::Result::Ok(transaction) => transaction,
            ::core::result::Result::Err(fault) => ::core::panic!("{}", fault.as_str()),
        };
    }
    #[automatically_derived]
    impl<__S> __apideck_hooks::__private::Handle<__S> for count
    where
        __S: ::core::marker::Send + ::core::marker::Sync,
        Delivery: __apideck_hooks::__private::Extract<__S>,
    {
        fn call(
            delivery: &mut __apideck_hooks::__private::Incoming,
            state: &__S,
        ) -> impl ::core::future::Future<
            Output = __apideck_hooks::Outcome,
        > + ::core::marker::Send {
            async move {
                let argument_0 = match <Delivery as __apideck_hooks::__private::Extract<
                    __S,
                >>::extract(delivery, state)
                    .await
                {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(outcome) => return outcome,
                };
                let returned = count(argument_0).await;
                <Outcome as __apideck_hooks::IntoOutcome>::into_outcome(returned)
            }
        }
    }
};
