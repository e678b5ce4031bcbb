// #[on("crm.lead.created", "crm.contact.*")] async fn people(event: ResourceEvent) {}

#[doc(hidden)]
///Handles `crm.lead.created`, `crm.contact.*`.
#[allow(non_camel_case_types, unreachable_pub, clippy::empty_structs_with_brackets)]
struct people {}
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
        __apideck_hooks::__private::Selector::Exact(63u16),
        __apideck_hooks::__private::Selector::Pattern {
            prefix: "crm.contact.",
            first: 60u16,
            end: 63u16,
        },
    ];
    const __PARAM_0: __apideck_hooks::__private::Needs = __apideck_hooks::__private::check_param(
        <ResourceEvent as __apideck_hooks::FromDelivery>::NEEDS,
        0usize,
        __ON,
    );
    impl __apideck_hooks::__private::Listed for people {
        const HANDLER: __apideck_hooks::__private::Handler = __apideck_hooks::__private::Handler::new(
            __ON,
            &[__PARAM_0],
        );
    }
    struct __Function;
    impl __apideck_hooks::__private::Function for __Function {
        type Arguments = (ResourceEvent, ());
        type Output = ();
        const OUTCOME: fn(()) -> __apideck_hooks::Outcome = <() as __apideck_hooks::IntoOutcome>::into_outcome;
        fn call(
            (argument_0, ()): (ResourceEvent, ()),
        ) -> impl ::core::future::Future<Output = Self::Output> + ::core::marker::Send {
            people(argument_0)
        }
    }
    impl<__S: ::core::marker::Sync> __apideck_hooks::__private::Handle<__S> for people
    where
        ResourceEvent: __apideck_hooks::__private::Extract<__S>,
    {
        fn function() -> impl __apideck_hooks::__private::Function<
            Arguments: __apideck_hooks::__private::Arguments<__S>,
        > {
            __Function
        }
    }
};
