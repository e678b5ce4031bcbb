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
    use hooks::__private as __apideck_hooks;
    const __HANDLER: __apideck_hooks::Handler = __apideck_hooks::with_first_parameter(
        __apideck_hooks::handles(
            &[
                __apideck_hooks::Selector::Pattern {
                    prefix: "",
                    first: 0u16,
                    end: 140u16,
                },
            ],
        ),
        <Delivery as __apideck_hooks::FromDelivery>::NEEDS,
    );
    impl __apideck_hooks::Annotated for count {
        const HANDLER: __apideck_hooks::Handler = __HANDLER;
    }
    fn __call(
        (argument_0, ()): (Delivery, ()),
    ) -> impl __apideck_hooks::Future<Output = Outcome> + __apideck_hooks::Send {
        let function = count;
        function(argument_0)
    }
    impl<__S: __apideck_hooks::Sync> __apideck_hooks::Handle<__S> for count
    where
        Delivery: __apideck_hooks::Extract<__S>,
    {
        fn run<'__a>(
            __incoming: &'__a mut __apideck_hooks::Incoming,
            __state: &'__a __S,
        ) -> __apideck_hooks::Run<'__a> {
            __apideck_hooks::run(
                __incoming,
                __state,
                __call,
                <Outcome as __apideck_hooks::IntoOutcome>::into_outcome,
            )
        }
    }
};
