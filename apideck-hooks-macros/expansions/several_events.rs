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
    use ::apideck_hooks::__private as __apideck_hooks;
    const __HANDLER: __apideck_hooks::Handler = __apideck_hooks::with_first_parameter(
        __apideck_hooks::handles(
            &[
                __apideck_hooks::Selector::Exact(63u16),
                __apideck_hooks::Selector::Pattern {
                    prefix: "crm.contact.",
                    first: 60u16,
                    end: 63u16,
                },
            ],
        ),
        <ResourceEvent as __apideck_hooks::FromDelivery>::NEEDS,
    );
    impl __apideck_hooks::Annotated for people {
        const HANDLER: __apideck_hooks::Handler = __HANDLER;
    }
    fn __call(
        (argument_0, ()): (ResourceEvent, ()),
    ) -> impl __apideck_hooks::Future<Output = ()> + __apideck_hooks::Send {
        let function = people;
        function(argument_0)
    }
    impl<__S: __apideck_hooks::Sync> __apideck_hooks::Handle<__S> for people
    where
        ResourceEvent: __apideck_hooks::Extract<__S>,
    {
        fn run<'__a>(
            __incoming: &'__a mut __apideck_hooks::Incoming,
            __state: &'__a __S,
        ) -> __apideck_hooks::Run<'__a> {
            __apideck_hooks::run(
                __incoming,
                __state,
                __call,
                <() as __apideck_hooks::IntoOutcome>::into_outcome,
            )
        }
    }
};
