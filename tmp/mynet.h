
#include <eml_net.h>
static const float mynet_layer_0_biases[16] = { 0.242034f, -0.239738f, -0.143696f, 0.374201f, -0.220668f, 0.156040f, -0.239835f, -0.262440f, -0.479300f, -0.284633f, -0.309449f, 0.131354f, 0.528122f, -0.401183f, -0.249017f, 0.230386f };
static const float mynet_layer_0_weights[64] = { 0.330651f, 0.211374f, -0.308098f, 0.487145f, 0.374677f, -0.023143f, 0.409894f, -0.099107f, -0.476639f, -0.009869f, -0.249185f, 0.188408f, -0.154774f, 0.098600f, 0.094519f, -0.143549f, -0.412989f, -0.397539f, -0.326444f, -0.423600f, 0.199404f, 0.203835f, -0.352251f, -0.130288f, -0.434505f, 0.012917f, 0.262209f, -0.332160f, -0.104562f, 0.006806f, -0.047614f, 0.186706f, -0.097164f, 0.425131f, -0.182040f, 0.469688f, -0.462903f, -0.115426f, -0.383264f, -0.474049f, 0.434678f, -0.305090f, -0.301873f, 0.468081f, 0.204725f, 0.361620f, 0.082941f, 0.388165f, -0.464066f, -0.421932f, -0.023586f, 0.525835f, -0.111424f, -0.055332f, 0.496520f, 0.323827f, -0.084611f, -0.326185f, -0.266377f, 0.227675f, -0.196186f, -0.117249f, -0.182127f, 0.269114f };
static const float mynet_layer_1_biases[3] = { 0.187092f, -0.104996f, -0.086829f };
static const float mynet_layer_1_weights[48] = { 0.416065f, -0.321261f, 0.456243f, -0.462955f, 0.437336f, 0.087472f, 0.497080f, 0.452367f, 0.418137f, -0.464744f, 0.278321f, -0.067915f, 0.298146f, -0.060242f, 0.492290f, 0.108700f, -0.348786f, -0.085789f, 0.283905f, 0.313982f, 0.313256f, 0.298908f, 0.007335f, -0.096048f, 0.481412f, 0.136812f, -0.064286f, 0.211593f, -0.528602f, 0.537505f, 0.167656f, -0.256695f, 0.384884f, -0.391591f, -0.148452f, -0.361025f, 0.182756f, -0.361119f, -0.363526f, 0.340704f, -0.088492f, -0.492942f, -0.412215f, -0.378890f, 0.097291f, -0.072299f, -0.422140f, 0.417702f };
static float mynet_buf1[16];
static float mynet_buf2[16];
static const EmlNetLayer mynet_layers[2] = { 
{ 16, 4, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationRelu }, 
{ 3, 16, mynet_layer_1_weights, mynet_layer_1_biases, EmlNetActivationSoftmax } };
static EmlNet mynet = { 2, mynet_layers, mynet_buf1, mynet_buf2, 16 };

    int32_t
    mynet_predict(const float *features, int32_t n_features)
    {
        return eml_net_predict(&mynet, features, n_features);
    }
    

    int32_t
    mynet_regress(const float *features, int32_t n_features, float *out, int32_t out_length)
    {
        return eml_net_regress(&mynet, features, n_features, out, out_length);
    }
    

    float
    mynet_regress1(const float *features, int32_t n_features)
    {
        return eml_net_regress1(&mynet, features, n_features);
    }
    