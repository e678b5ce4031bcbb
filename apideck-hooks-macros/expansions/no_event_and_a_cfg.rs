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
    const __PARAM_0: __apideck_hooks::__private::Needs = __apideck_hooks::__private::check_param(
        <Delivery as __apideck_hooks::FromDelivery>::NEEDS,
        0usize,
        __ON,
    );
    impl __apideck_hooks::__private::Listed for count {
        const HANDLER: __apideck_hooks::__private::Handler = __apideck_hooks::__private::Handler::new(
            __ON,
            &[__PARAM_0],
        );
    }
    struct __Function;
    impl __apideck_hooks::__private::Function for __Function {
        type Arguments = (Delivery, ());
        type Output = Outcome;
        const OUTCOME: fn(Outcome) -> __apideck_hooks::Outcome = <Outcome as __apideck_hooks::IntoOutcome>::into_outcome;
        fn call(
            (argument_0, ()): (Delivery, ()),
        ) -> impl ::core::future::Future<Output = Self::Output> + ::core::marker::Send {
            count(argument_0)
        }
    }
    impl<__S: ::core::marker::Sync> __apideck_hooks::__private::Handle<__S> for count
    where
        Delivery: __apideck_hooks::__private::Extract<__S>,
    {
        fn function() -> impl __apideck_hooks::__private::Function<
            Arguments: __apideck_hooks::__private::Arguments<__S>,
        > {
            __Function
        }
    }
};
